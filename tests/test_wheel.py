"""A built wheel holds everything that a run needs, and trains outside of the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests import processes

ROOT = Path(__file__).parents[1]

CONFIG = """\
name: from_wheel
data:
  source: {kind: tfds, name: mnist}
  splits: {train: "train[:1%]", test: "test[:1%]"}
  inputs: {image: {kind: image}}
  targets: {label: {kind: category}}
model: {builder: mlp, dense: [8]}
training: {epochs: 1}
runtime: {compile: graph}
"""


def test_a_built_wheel_trains_outside_the_checkout(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    assert "dlkit/bundled/mnist/NOTICE.md" in names
    assert not [name for name in names if name.startswith(("tests/", "configs/"))]
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
import dlkit
assert dlkit.__file__.startswith({str(tmp_path)!r}), dlkit.__file__
from dlkit.cli import main
sys.argv = ["dlkit", "train", "config.yaml", "--quiet"]
main()
"""
    done = processes.python(program, folder=tmp_path, root=None)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "runs" / "from_wheel" / "latest" / "model.keras").is_file()
