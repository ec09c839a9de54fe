"""dlkit export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Dlkit = Callable[..., Result]
PYTHON = ("--format", "python")


def test_a_script_is_written_beside_its_arrays_and_never_over_a_file(dlkit: Dlkit, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    first = dlkit("export", "small.yaml", "data.targets.label.class_weight=balanced", *PYTHON, "-o", path)
    assert first.exit_code == 0, first.output
    said = first.stdout.splitlines()
    assert said[0] == f"{path}, with net.npz beside it"
    assert said[1].startswith("note: What is random in training")
    text = path.read_text(encoding="utf-8")
    compile(text, "net.py", "exec")
    assert "# model: {builder: mlp, dense: [8], dropout: 0.2}" in text
    assert "import dlkit" not in text
    assert sorted(file.name for file in tmp_path.iterdir()) == ["net.npz", "net.py"]
    again = dlkit("export", "small.yaml", *PYTHON, "-o", path)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert path.read_text(encoding="utf-8") == text


def test_files_are_overwritten_where_it_is_asked_for_and_reported_in_json(dlkit: Dlkit, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("old")
    done = dlkit("export", "small.yaml", "model.dropout=0", *PYTHON, "-o", tmp_path / "net.py", "--force", "--json")
    assert json.loads(done.stdout) == {
        "ok": True,
        "exit_status": 0,
        "files": [str(tmp_path / "net.py")],
        "notes": [],
    }


def test_what_no_script_can_be_written_of_is_named_with_its_place(dlkit: Dlkit, tmp_path: Path) -> None:
    words = ["data.inputs.image.augment=[alternating_flip]", *PYTHON, "-o", tmp_path / "net.py"]
    done = dlkit("export", "small.yaml", *words)
    assert done.exit_code == 2
    assert "not-exported" in done.stderr
    assert "data.inputs.image.augment" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_and_a_missing_one_are_refused_before_anything_is_read(dlkit: Dlkit, tmp_path: Path) -> None:
    for path, said in ((tmp_path, "is a folder"), (tmp_path / "no" / "net.py", "no folder")):
        done = dlkit("export", "small.yaml", *PYTHON, "-o", path)
        assert done.exit_code == 2
        assert said in done.stderr


def test_data_beside_a_script_are_never_overwritten(dlkit: Dlkit, tmp_path: Path) -> None:
    (tmp_path / "net.npz").write_bytes(b"data")
    done = dlkit("export", "small.yaml", *PYTHON, "-o", tmp_path / "net.py", "--force")
    assert done.exit_code == 2
    assert "net.npz already" in done.stderr
    assert (tmp_path / "net.npz").read_bytes() == b"data"


def test_the_form_has_to_be_said(dlkit: Dlkit) -> None:
    for words, said in ((), "--format"), (("--format", "pyhton"), "there is python"):
        done = dlkit("export", "small.yaml", *words)
        assert done.exit_code == 2
        assert said in done.stderr
