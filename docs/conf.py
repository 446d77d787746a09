"""The documentation: `sphinx-build -W docs docs/_build/html`, with the package installed with its extra `docs`."""

import subprocess
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent

project = "sublinear"
author = "the sublinear authors"
release = version = metadata.version("sublinear")

extensions = ["myst_parser", "breathe", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["duplicate_declaration.cpp"]  # every header opens the namespace again

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"ArrayLike": "ArrayLike", "NDArray": "NDArray"}
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_ivar = True

breathe_projects = {"sublinear": str(HERE / "_build" / "doxygen" / "xml")}
breathe_default_project = "sublinear"
breathe_default_members = ("members",)

html_theme = "furo"
html_title = f"sublinear {release}"


def setup(app: object) -> None:
    """Doxygen reads the headers first; its warnings are errors too, and so is a header that no page shows."""
    page = (HERE / "api" / "cpp.md").read_text()
    headers = sorted(each.name for each in (HERE.parent / "cpp" / "include").rglob("*.hpp"))
    missing = [name for name in headers if name != "sublinear.hpp" and f"{{doxygenfile}} {name}\n" not in page]
    if missing:
        raise RuntimeError(f"docs/api/cpp.md does not show {', '.join(missing)}")
    (HERE / "_build").mkdir(exist_ok=True)
    subprocess.run(["doxygen", "Doxyfile"], cwd=HERE, check=True)
