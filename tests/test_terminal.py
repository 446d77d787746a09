"""What is printed: text is never markup, every stream can take it, and logs are told of progress."""

from __future__ import annotations

import ast
import io
import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.table import Table

import sublinear
from sublinear import terminal
from sublinear.progress import progress
from sublinear.text import one_line, visible

PACKAGE = Path(sublinear.__file__).parent
TINY = ("--dataset", "iris", "--width", "32", "--epochs", "2", "--steps", "1", "--batch-size", "64")
#: What is printed without a change: rich's markup and emoji, and what only looks like them.
LITERAL = ["data[final].csv", "exp[/v2]", "[bold]x", ":smile:", "a[link=x]b[/link]", "\\[x]", "ü€"]


def call(*arguments, cwd, **environment):
    variables = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", **environment}
    command = [sys.executable, "-m", "sublinear", *arguments]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, timeout=120)


def printed(monkeypatch, encoding, write):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    write()
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("text", LITERAL)
def test_text_is_not_markup(monkeypatch, text):
    def write():
        terminal.results_console().print(text)
        table = Table(text)
        table.add_row(text)
        terminal.results_console().print(table)
        terminal.notice(text, text)
        terminal.written(text)

    out = printed(monkeypatch, "utf-8", write)
    assert out.count(text) == 6
    assert out.splitlines()[-2:] == [f"{text} {text}", f"Written: {text}"]


def test_what_a_console_cannot_write_is_an_escape(monkeypatch):
    text = os.fsdecode(b"\xff\xc3\xbc\x1b[31m\r.csv") + "\n"
    assert visible(text) == "\\udcffü\\x1b[31m\\r.csv\n"
    assert one_line(text) == "\\udcffü\\x1b[31m\\r.csv\\n"
    assert printed(monkeypatch, "utf-8", lambda: terminal.notice(text, "error:")) == f"error: {one_line(text)}\n"
    out = printed(monkeypatch, "ascii", lambda: terminal.written(text))
    assert out == "Written: \\udcff\\xfc\\x1b[31m\\r.csv\\n\n"
    assert printed(monkeypatch, "ascii", lambda: terminal.results_console().print("│ü")) == "\\u2502\\xfc\n"


def test_a_run_in_a_folder_of_any_name_ends_well(tmp_path):
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    name = os.fsdecode(b"exp[/v2]:smile: \xff\xc3\xbc")
    done = call("train", *TINY, "--out", name, cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert b"Written: exp[/v2]:smile: \\udcff" in done.stdout
    done = call("evaluate", f"{name}/network.safetensors", "--dataset", "iris", cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    done = call("report", name, "--out", f"{name}.html", cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert b"exp[/v2]:smile: \\udcff" in os.fsencode((tmp_path / f"{name}.html").read_bytes())
    assert len((tmp_path / f"{name}.csv").read_text("utf-8").splitlines()) == 2
    done = call("compare", "--dataset", "data[/final]\udcff.csv", cwd=tmp_path, **environment)
    assert done.stderr.splitlines() == [b"error: dataset is 'data[/final]\\udcff.csv'; there is no such file"]
    done = call("train", "--width", "[/x]", "[/y]\udcff:smile:", cwd=tmp_path, **environment)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["info", "info --json", "--help"])
def test_output_that_cannot_be_written_is_one_sentence(tmp_path, arguments):
    words = "No space left on device; what goes to files is there"
    program = f"{shlex.quote(sys.executable)} -m sublinear {arguments}"
    done = subprocess.run(f"{program} > /dev/full", shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, f"error: standard output cannot be written: {words}\n")
    done = subprocess.run(f"{program} >&-", shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_results_that_hold_markup_are_drawn(tmp_path):
    from sublinear.report.figures import Series as Line
    from sublinear.report.figures import bars, lines

    odd = os.fsdecode(b"$x_{$ [/b] \xff")
    drawn = lines(odd, "x", "y", [Line(odd, [1.0, 2.0], [1.0, 2.0], 0)])
    assert drawn.count("$x_{$ [/b] \\udcff") >= 2
    assert "$x_{$" in bars(odd, "x", [odd], [1.0], [0])


def imported(node):
    """The modules, and names of modules, that an import statement names."""
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [f"{node.module}.{each.name}" for each in node.names] if isinstance(node, ast.ImportFrom) else []


def test_no_module_prints_past_the_one_console():
    """terminal.py makes consoles and progress.py bars; the others have tables and texts."""
    may = {"rich.box", "rich.table.Table", "rich.text.Text"}
    prints = {("estimators.py", "print"), ("cli/common.py", "typer.echo")}  # figures of epochs; the version
    paths = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    assert {"terminal.py", "progress.py", "cli/compare.py"} <= paths.keys()
    for name in paths.keys() - {"terminal.py", "progress.py"}:
        for node in ast.walk(ast.parse(paths[name].read_text())):
            strange = {module for module in imported(node) if module.startswith("rich")} - may
            assert not strange, f"{name} imports {strange}; print by sublinear.terminal"
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called in ("print", "sys.stdout.write", "sys.stderr.write") or called.startswith(("typer.", "click.")):
                quiet = called in ("typer.Typer", "typer.Option", "typer.Argument", "typer.Exit")
                assert quiet or (name, called) in prints, f"{name} calls {called}; print by sublinear.terminal"


def test_a_log_gets_a_line_an_epoch_and_json_stays_clean(tmp_path):
    done = call("train", *TINY, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["ending"] == "finished"
    first, second = done.stderr.decode().splitlines()
    assert first.startswith("epoch 1 of 2: loss ")
    assert ", 50%" in first
    assert second.startswith("epoch 2 of 2: loss ")
    history = json.loads((tmp_path / "sublinear-run" / "history.json").read_text())["history"]
    assert f"robust loss {history['robust_loss'][1]:.4g};" in second


def test_compare_scaling_and_theory_tell_logs(tmp_path):
    small = ("--strategies", "dense,margin", "--steps", "1")
    done = call("compare", *TINY, *small[:2], "--peers", "none", cwd=tmp_path, FORCE_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stderr
    assert b"\r" not in done.stderr
    lines = done.stderr.decode().splitlines()
    assert [line.partition(":")[0] for line in sorted(lines) if "epoch 2 of 2" in line] == [
        "epoch 2 of 2, dense (1 of 2)",
        "epoch 2 of 2, margin (2 of 2)",
    ]
    done = call("scaling", "--dataset", "iris", "--widths", "16,32", "--iterations", "1", *small, cwd=tmp_path)
    assert done.stderr.count(b" of 4 cells, ") == 4, done.stderr
    grid = ("--widths", "16,32", "--inputs", "10", "--features", "4", "--iterations", "2", "--seeds", "1")
    done = call("theory", *grid, *small, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.decode().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["1 of 2", "2 of 2"]


class Signalling(io.StringIO):
    """A log that says when it holds enough lines."""

    def __init__(self, count):
        super().__init__()
        self.count, self.enough = count, threading.Event()

    def write(self, text):
        written = super().write(text)
        if self.getvalue().count("\n") >= self.count:
            self.enough.set()
        return written


def test_a_log_is_told_now_and_then_whatever_a_step_takes(monkeypatch):
    log = Signalling(3)
    monkeypatch.setattr(sys, "stderr", log)
    with progress("loading [/x]", interval=0.01) as tell:
        assert log.enough.wait(60)
        log.count += 3
        log.enough.clear()
        tell("epoch 0", 0, 4)
        tell("epoch 1", 1, 4)
        assert log.enough.wait(60)
    lines = log.getvalue().splitlines()
    assert lines[0].startswith("loading [/x]; after 0:00:0")
    assert "epoch 1; after 0:00:0" in lines[-1]
    assert ", 25%, about 0:00:0" in lines[-1]


@pytest.mark.posix
def test_a_terminal_gets_a_bar(tmp_path):
    import pty

    master, slave = pty.openpty()
    variables = {**os.environ, "COLUMNS": "80", "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)}
    script = (
        "from sublinear.progress import progress\nfrom sublinear.terminal import notice\n"
        "with progress('a[/b]') as tell: tell('c[/d]', 1, 2, 'ended'); notice('of [/x]')"
    )
    done = subprocess.run([sys.executable, "-c", script], stderr=slave, env=variables, cwd=tmp_path, timeout=60)
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # Linux's end of a pseudoterminal
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    assert done.returncode == 0
    assert b"c[/d]" in shown
    assert b"50%" in shown
    assert b"ended" not in shown
    assert b"\x1b[2Kof [/x]\r\n" in shown  # where the bar was, which is drawn again below it
