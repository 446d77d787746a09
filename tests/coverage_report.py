"""Which public functions no test runs, and the share of lines that tests run.

    python tests/coverage_report.py

builds the C++ tests and the Python package with counters below `build-coverage`, runs CTest and pytest, prints the
public functions that were never called, and ends with 1 if there is one. Needs gcc, clang++, doctest, and in this
environment the build requirements of pyproject.toml and the extras `test` and `dev`. `--report` reads the counts of the
last run again; `--lines` also prints the lines that no test ran; `--cpp` and `--python` do one half alone.

Public are: every function that an installed header declares, as clang reads it (a template was called when one of its
instances was; pure virtual, defaulted, deleted and empty ones have nothing to run); every `def` of the .pyx files;
every function and method of the package whose module, class and name have no leading underscore.
"""

import argparse
import json
import linecache
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADERS = ROOT / "cpp" / "include"
JOBS = os.cpu_count() or 1
Lines = dict[str, dict[int, int]]  # file below ROOT -> line -> how often it ran


def run(*command: str | Path, **environment: str) -> None:
    print("+", *command, flush=True)
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **environment})


class Counts:
    """What gcov counted in the object files below a folder, of the sources of this project."""

    def __init__(self, folder: Path) -> None:
        notes = sorted(folder.rglob("*.gcno"))
        if not any(note.with_suffix(".gcda").exists() for note in notes):
            raise SystemExit(f"nothing was counted in {folder}: leave --report away to build and run the tests")
        self.lines: Lines = defaultdict(Counter)
        self.ran: set[tuple[str, str, str, int]] = set()  # mangled and demangled name, file, line
        with ThreadPoolExecutor(JOBS) as pool:
            for file in (file for files in pool.map(gcov, notes) for file in files):
                if not file["file"].startswith(str(ROOT / "cpp")):
                    continue  # the standard library, Eigen
                path = str(Path(file["file"]).relative_to(ROOT))
                for each in file["lines"]:
                    self.lines[path][each["line_number"]] += each["count"]
                for each in file["functions"]:
                    if each["execution_count"] > 0:
                        self.ran.add((one_symbol(each["name"]), each["demangled_name"], path, each["start_line"]))

    def lines_of(self, *starts: str) -> Lines:
        return {path: lines for path, lines in self.lines.items() if path.startswith(starts)}


def gcov(note: Path) -> list[dict[str, Any]]:
    """What one object file says of each source."""
    command = ["gcov", "--json-format", "--stdout", note.name]
    content = subprocess.run(command, cwd=note.parent, check=True, capture_output=True).stdout
    files: list[dict[str, Any]] = json.loads(content)["files"]
    return files


def one_symbol(mangled: str) -> str:
    """One name for all that a compiler makes of a constructor or a destructor."""
    return re.sub(r"D[01]Ev", "D2Ev", re.sub(r"C1E", "C2E", mangled))


# --- C++ --------------------------------------------------------------------------------------------------------------


def declared_functions(build: Path) -> Iterator[tuple[str, int, str | None]]:
    """Every function of the installed headers: its name with scopes, its arity, and its symbol if it is no template."""
    found = re.search(r"^Eigen3_DIR:\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.MULTILINE)
    eigen = Path(found[1]).parents[2] / "include" / "eigen3" if found else None
    if eigen is None or not eigen.is_dir():
        raise SystemExit(f"{build} was configured without Eigen; eigen.hpp cannot be read: pip install 'cmeel-eigen<4'")
    command = ["clang++", "-std=c++17", f"-I{HEADERS}", "-isystem", str(eigen), "-fsyntax-only"]
    for option in "-ast-dump=json", "-ast-dump-filter=sublinear":
        command += ["-Xclang", option]
    command.append(str(HEADERS / "sublinear" / "sublinear.hpp"))
    dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    decoder, place = json.JSONDecoder(), 0
    while place < len(dump):
        content, place = decoder.raw_decode(dump, place)
        yield from functions_in(content, "")
        while dump[place : place + 1].isspace():
            place += 1


def functions_in(node: dict[str, Any], scope: str) -> Iterator[tuple[str, int, str | None]]:
    kind, name, inner = node.get("kind", ""), node.get("name", ""), node.get("inner", [])
    if kind in ("FunctionDecl", "CXXMethodDecl", "CXXConstructorDecl", "CXXDestructorDecl", "CXXConversionDecl"):
        if has_code(node):
            arity = sum(each["kind"] == "ParmVarDecl" for each in inner)
            yield scope + name.split("<")[0], arity, node.get("mangledName")
    elif kind == "FunctionTemplateDecl":  # the template, then its instances
        template = next(each for each in inner if each["kind"].startswith(("Function", "CXX")))
        yield from ((full, arity, None) for full, arity, _ in functions_in(template, scope))
    elif kind in ("NamespaceDecl", "CXXRecordDecl", "ClassTemplateDecl", "FriendDecl"):
        inside = f"{scope}{name}::" if kind in ("NamespaceDecl", "CXXRecordDecl") else scope
        for each in inner:
            yield from functions_in(each, inside)


def has_code(function: dict[str, Any]) -> bool:
    if any(function.get(each) for each in ("isImplicit", "pure", "explicitlyDefaulted", "explicitlyDeleted")):
        return False
    code = [each for each in function.get("inner", []) if each["kind"] in ("CompoundStmt", "CXXCtorInitializer")]
    empty = code and all(each["kind"] == "CompoundStmt" and not each.get("inner") for each in code)
    return not empty  # a body elsewhere is code


def plain_name(demangled: str) -> tuple[str, int]:
    """The name with scopes, without result and template arguments, and the arity."""
    name, _, parameters = re.sub(r"\(anonymous namespace\)", "anonymous", without_angles(demangled)).partition("(")
    commas, depth = 0, 0
    for letter in parameters:
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0:
            break
        commas += letter == "," and depth == 0
    return name.split(" ")[-1], 0 if parameters.startswith(")") else commas + 1


def without_angles(text: str) -> str:
    kept, depth = [], 0
    for letter in text:
        depth += letter == "<"
        if depth == 0:
            kept.append(letter)
        depth -= letter == ">" and depth > 0
    return "".join(kept)


def uncalled_in_headers(build: Path, counts: Counts) -> list[str]:
    symbols = {symbol for symbol, _, _, _ in counts.ran}
    places = defaultdict(set)  # overloads of a template are told apart by where their definitions are
    for _, demangled, file, line in counts.ran:
        places[plain_name(demangled)].add((file, line))
    uncalled, templates, number = [], Counter[tuple[str, int]](), 0
    for name, arity, symbol in declared_functions(build):
        number += 1
        if symbol is None:
            templates[name, arity] += 1
        elif one_symbol(symbol) not in symbols:
            uncalled.append(f"{name}, {arity} parameters")
    for (name, arity), declared in templates.items():
        if len(places[name, arity]) < declared:
            uncalled.append(f"{name}, {arity} parameters: {len(places[name, arity])} of {declared} were called")
    print(f"{number} functions in installed headers, {len(uncalled)} never called")
    return uncalled


def report_cpp(build: Path, show_lines: bool) -> list[str]:
    counts = Counts(build)
    uncalled = uncalled_in_headers(build, counts)
    print_lines("C++", counts.lines_of("cpp/include/", "cpp/src/"), show_lines)
    return uncalled


def measure_cpp(build: Path) -> None:
    """The configuration of the sanitized tests, with counters instead."""
    run("cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DSUBLINEAR_BUILD_TESTS=ON",
        "-DSUBLINEAR_COVERAGE=ON", f"-DCMAKE_PREFIX_PATH={sysconfig.get_path('purelib')}")  # fmt: skip
    run("cmake", "--build", build, "--parallel", str(JOBS))
    forget(build)
    run("ctest", "--test-dir", build, "-j", str(JOBS), "--output-on-failure")


def forget(folder: Path) -> None:
    """Leaves nothing of an earlier run: counts are added up."""
    for counts in folder.rglob("*.gcda"):
        counts.unlink()


# --- Python -----------------------------------------------------------------------------------------------------------


def report_python(folder: Path, show_lines: bool) -> list[str]:
    files = {
        "sublinear/" + path.rpartition("site/sublinear/")[2]: facts
        for path, facts in json.loads((folder / "pytest.json").read_text())["files"].items()
    }
    called = {
        f"{path}: {name}": bool(lines["executed_lines"])
        for path, facts in files.items()
        for name, lines in facts["functions"].items()
        if name and (lines["executed_lines"] or lines["missing_lines"]) and is_public(path, name)
    }
    uncalled = [name for name, was_called in called.items() if not was_called]
    print(f"{len(called)} public functions in the package's Python files, {len(uncalled)} never called")
    lines = {
        path: dict.fromkeys(facts["executed_lines"], 1) | dict.fromkeys(facts["missing_lines"], 0)
        for path, facts in files.items()
    }
    print_lines("Python", lines, show_lines)
    return uncalled + report_cython(folder / "build")


def is_public(path: str, name: str) -> bool:
    parts = [*Path(path).with_suffix("").parts, *name.split(".")]
    return not any(part.startswith("_") and not part.endswith("__") for part in parts)


def report_cython(build: Path) -> list[str]:
    """By the functions in the C++ that Cython makes: one for a `def`, and one for each of its fused types."""
    called = {
        function["demangled_name"].partition("(")[0]
        for note in (build / "sublinear").rglob("*.gcno")
        for file in gcov(note)
        for function in file["functions"]
        if function["execution_count"] > 0
    }
    number, uncalled = 0, []
    for path in sorted((ROOT / "sublinear").glob("*.pyx")):
        module, owner = path.stem, ""
        for line in path.read_text().splitlines():
            if line and not line[0].isspace():
                found = re.match(r"cdef class (\w+)", line)
                owner = f"{len(found[1])}{found[1]}_" if found else ""
            if found := re.match(r" *def (\w+)", line):
                number += 1
                name = rf"\d*{found[1]}|\d*{len(found[1])}{found[1]}_\d*__get__"  # the second one: a property
                symbol = re.compile(rf"__pyx_pf_9sublinear_{len(module)}{module}_{owner}(?:{name})")
                if not any(map(symbol.fullmatch, called)):
                    uncalled.append(f"{path.name}: {owner}{found[1]}")
    print(f"{number} functions in .pyx files, {len(uncalled)} never called")
    return uncalled


def measure_python(folder: Path) -> None:
    site = folder / "site"
    shutil.rmtree(site, ignore_errors=True)
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", site,
        "-C", f"build-dir={folder / 'build'}", "-C", "cmake.define.SUBLINEAR_COVERAGE=ON", ROOT)  # fmt: skip
    forget(folder / "build")
    # By `pytest`, and by the package's folder: this folder has a `sublinear` of its own, which is not built.
    run("pytest", f"--cov={site / 'sublinear'}", "--cov-report=", f"--cov-report=json:{folder / 'pytest.json'}",
        PYTHONPATH=str(site), PATH=f"{site / 'bin'}{os.pathsep}{os.environ['PATH']}",
        COVERAGE_FILE=str(folder / ".coverage"))  # fmt: skip


# --- Both -------------------------------------------------------------------------------------------------------------


def print_lines(what: str, lines: Lines, show: bool) -> None:
    counts = [count for of_file in lines.values() for count in of_file.values()]
    ran = sum(count > 0 for count in counts)
    print(f"{what}: {ran} of {len(counts)} lines ran, {100 * ran / len(counts):.1f} %")
    for path, of_file in sorted(lines.items()) if show else ():
        for line in sorted(number for number, count in of_file.items() if count == 0):
            print(f"{path}:{line}: {linecache.getline(str(ROOT / path), line).strip()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build-coverage", help="where to build")
    parser.add_argument("--report", action="store_true", help="builds and runs nothing")
    parser.add_argument("--lines", action="store_true", help="also the lines that no test ran")
    parser.add_argument("--cpp", action="store_true", help="C++ alone")
    parser.add_argument("--python", action="store_true", help="Python alone")
    given = parser.parse_args()
    halves = [
        (given.cpp, measure_cpp, report_cpp, given.build.resolve() / "cpp"),
        (given.python, measure_python, report_python, given.build.resolve() / "python"),
    ]
    uncalled: list[str] = []
    for wanted, measure, report, folder in halves:
        if wanted or not (given.cpp or given.python):
            if not given.report:
                measure(folder)
            uncalled += report(folder, given.lines)
    for each in uncalled:
        print("never called:", each)
    sys.exit(1 if uncalled else 0)


if __name__ == "__main__":
    main()
