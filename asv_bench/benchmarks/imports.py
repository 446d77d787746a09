"""What ``import sublinear`` costs in a fresh interpreter."""


class Import:
    def timeraw_import(self):
        return "import sublinear"
