"""A strategy written in C++, loaded into Python without rebuilding anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sublinear as sl

EXAMPLES = Path(__file__).parent.parent / "cpp" / "examples"

CODE = """
import sys
import numpy as np
import sublinear as sl

assert sl.load_plugin(sys.argv[1]) == sl.load_plugin(sys.argv[1]) == ["limit-scan"]
assert sl.STRATEGIES["limit-scan"].source == "this example"
sl.testing.check_strategy("limit-scan")
rng = np.random.default_rng(0)
x = rng.standard_normal((80, 6)).astype(np.float32)
y = (x[:, 0] > 0).astype(int)
bits = set()
for strategy in "limit-scan", "dense":
    net = sl.TwoLayerNetwork.random(6, 64, n_outputs=2, seed=0)
    history = sl.Trainer(net, strategy, attack=sl.PGD(0.1), learning_rate=5.0).fit(x, y, epochs=3)
    bits.add(net.weights.tobytes())
assert len(bits) == 1
print(history.work[0].inner_products > 0)
"""


def test_a_plug_in_s_strategy_trains_to_the_bits_of_dense(tmp_path):
    archive = next(Path(sl.get_cmake_dir()).parents[1].glob("libsublinear.a"))
    library = tmp_path / "plugin.so"
    command = ["c++", "-std=c++17", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-pthread"]
    command += ["-I", sl.get_include(), "-o", str(library), str(EXAMPLES / "plugin.cpp"), str(archive)]
    subprocess.run([*command, "-Wl,--exclude-libs,ALL", "-ldl"], check=True)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(library)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("int nothing;", "is no plug-in of sublinear: it has no function sublinear_plugin_interface"),
        (
            'const char* sublinear_plugin_interface(void) { return "sublinear 0.0.1"; }',
            'is built for "sublinear 0.0.1", this is "sublinear ' + sl.__version__,
        ),
    ],
)
def test_what_is_no_plug_in_is_refused(tmp_path, source, words):
    (tmp_path / "wrong.c").write_text(source)
    library = tmp_path / "wrong.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "wrong.c")], check=True)
    with pytest.raises(ValueError, match=words):
        sl.load_plugin(library)
    with pytest.raises(ValueError, match=r"cannot be loaded.*missing\.so"):
        sl.load_plugin(tmp_path / "missing.so")
