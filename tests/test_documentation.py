"""The examples of the README and of the documentation work as they stand there."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

import sublinear as sl

ROOT = pathlib.Path(__file__).parent.parent
# The pages of structures and strategies are in test_pages.py, beside what they print.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "api").glob("*.md"))]
needs_a_compiler = pytest.mark.skipif(
    shutil.which("c++") is None or shutil.which("cmake") is None or shutil.which("ninja") is None,
    reason="needs a C++ compiler, cmake and ninja",
)


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def run(directory, *command):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_python_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), {"__name__": "example"})


@needs_a_compiler
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "cpp")], ids=lambda page: page.stem)
def test_cpp_examples_compile_without_warnings(page, tmp_path):
    include = pathlib.Path(sl.get_cmake_dir()).parents[2] / "include"
    for number, block in enumerate(blocks(page, "cpp")):
        (tmp_path / f"{number}.cpp").write_text(block)
        options = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{include}")
        run(tmp_path, os.environ.get("CXX", "c++"), *options, f"{number}.cpp")


@needs_a_compiler
def test_the_cpp_project_of_the_readme_prints_what_it_says(tmp_path):
    readme = ROOT / "README.md"
    for language, name in (("cpp", "main.cpp"), ("cmake", "CMakeLists.txt")):
        (block,) = blocks(readme, language)
        (tmp_path / name).write_text(block)
    run(tmp_path, "cmake", "-S", ".", "-B", "build", "-G", "Ninja", f"-Dsublinear_DIR={sl.get_cmake_dir()}")
    run(tmp_path, "cmake", "--build", "build")
    assert run(tmp_path, "build/app") == "point 2\npoint 3\n"


def test_the_cpp_examples_are_short():
    examples = sorted((ROOT / "cpp" / "examples").glob("*.[ch]pp"))
    assert examples
    for example in examples:
        assert len(example.read_text().splitlines()) < 80, f"{example.name} has 80 lines or more"
