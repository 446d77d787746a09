"""Every index and every strategy has its page, with a picture, and the examples print what the page shows."""

import pathlib
import re
import subprocess
import sys

import pytest

import sublinear as sl

DOCS = pathlib.Path(__file__).parent.parent / "docs"
HEADINGS = ["What it computes", "Picture", "Minimal example", "Parameters", "Cost", "Pitfalls"]
PAGES = [f"structures/{name}" for name in sl.INDEXES] + [f"strategies/{name}" for name in sl.STRATEGIES]


def sections(page):
    """The parts of a page by their headings, in order."""
    text = (DOCS / f"{page}.md").read_text()
    parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def examples(text):
    """The python blocks with the text block behind each, or None."""
    return re.findall(r"^```python\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?", text, re.DOTALL | re.MULTILINE)


def test_there_is_a_page_for_each_and_no_other():
    found = {
        f"{path.parent.name}/{path.stem}"
        for folder in ("structures", "strategies")
        for path in (DOCS / folder).iterdir()
    }
    assert found == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_tells_everything_in_order(page):
    parts = sections(page)
    assert list(parts) == HEADINGS
    name = page.split("/")[1]
    assert re.findall(r"!\[[^]]+\]\((.*?)\)", parts["Picture"]) == [f"../pictures/{name}.svg"]
    picture = (DOCS / "pictures" / f"{name}.svg").read_text()
    assert picture.lstrip().startswith("<?xml")
    assert len(picture) < 60_000
    assert examples(parts["Minimal example"])
    assert "Proved" in parts["Cost"]
    assert "Measured" in parts["Cost"]
    assert examples(parts["Cost"])
    assert re.search(r"^- ", parts["Pitfalls"], re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_found_from_its_floor_and_the_contents(page):
    floor = "reporting" if page.startswith("structures") else "finding"
    assert f"({page}.md)" in (DOCS / f"{floor}.md").read_text()
    assert f"\n{page}\n" in (DOCS / "index.md").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_shows(page, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for code, shown in examples((DOCS / f"{page}.md").read_text()):
        exec(compile(code, page, "exec"), {"__name__": "example"})
        assert capsys.readouterr().out == shown


def test_what_extending_shows_runs(capsys):
    for code, shown in examples((DOCS / "extending.md").read_text()):
        exec(compile(code, "extending", "exec"), {"__name__": "example"})
        if shown:
            assert capsys.readouterr().out == shown


def draw(folder, *names):
    folder.mkdir()
    command = [sys.executable, str(DOCS / "draw_structures.py"), "--out", str(folder), *names]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


def test_pictures_are_drawn_the_same_each_time(tmp_path):
    drawn = draw(tmp_path / "all")
    assert sorted(drawn) == sorted(page.split("/")[1] for page in PAGES)
    again = draw(tmp_path / "again", "kd-tree", "margin")
    assert again == {name: drawn[name] for name in again}


def test_the_readme_shows_what_compare_prints(tmp_path):
    """All but the times, what this machine is, and peers, whose figures are of its libraries."""
    from typer.testing import CliRunner

    from sublinear.cli import app

    marked = r"<!-- compare-output: begin.*?-->\n```text\n(.*?)```\n<!-- compare-output: end -->"
    (shown,) = re.findall(marked, (DOCS.parent / "README.md").read_text(), re.DOTALL)
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["compare", "--out", str(tmp_path), "--peers", "none"])
    assert done.exit_code == 0, done.output

    def comparable(text):
        lines = [line.rstrip() for line in text.splitlines() if not line.startswith((" numpy", " torch"))]
        lines = lines[: next(number for number, line in enumerate(lines) if line.startswith("The fastest"))]
        lines = [re.sub(r"float32, .*", "float32", line) for line in lines]
        times = next(number for number, line in enumerate(lines) if "build" in line)
        return lines[:times] + [re.sub(r"[\d.-]+", "", line).split() for line in lines[times:]]

    assert comparable(done.stdout) == comparable(shown)
