"""What imports cost in a fresh interpreter."""


class Import:
    def timeraw_import(self):
        return "import sublinear"

    def timeraw_import_estimators(self):
        return "from sublinear import SublinearClassifier"
