"""What a run says when it begins or goes on."""

from __future__ import annotations

import json
from pathlib import Path

from dlkit.runs import RunFolder
from dlkit.training import run
from dlkit.training.listeners import Listener
from tests.training.helpers import EVEN, SGD, SMALL, finished, interrupted, load_folder, settings, state_digest, train


class Notes(Listener):
    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def noted(self, kind: str, text: str) -> None:
        self.notes[kind] = text


def test_going_on_with_another_number_of_devices_is_allowed_and_said(tmp_path: Path, one_step_chunks: None) -> None:
    whole = finished(settings(SMALL, SGD), tmp_path / "whole", data=EVEN)
    folder = RunFolder(interrupted(settings(SMALL, SGD), 10, tmp_path / "cut", data=EVEN))
    environment = json.loads(folder.environment.read_text())
    assert environment["replicas"] == 1
    folder.environment.write_text(json.dumps({**environment, "devices": ["GPU:0", "GPU:1"], "replicas": 2}))
    notes = Notes()
    run.resume(load_folder(folder.path), folder, notes, data=EVEN)
    assert "began on GPU:0, GPU:1 (2 replicas), and goes on on CPU:0" in notes.notes["other-devices"]
    assert state_digest(folder.path) == state_digest(whole.folder)


def test_going_on_with_the_same_devices_says_nothing(tmp_path: Path, one_step_chunks: None) -> None:
    folder = RunFolder(interrupted(settings(SMALL, SGD), 10, tmp_path, data=EVEN))
    notes = Notes()
    run.resume(load_folder(folder.path), folder, notes, data=EVEN)
    assert "other-devices" not in notes.notes


def test_half_precision_on_a_cpu_is_said_to_be_slow(tmp_path: Path) -> None:
    notes = Notes()
    config = settings(SMALL, {"epochs": 1, **SGD}, runtime={"precision": "mixed_bfloat16"})
    train(config, tmp_path, data=EVEN, listener=notes)
    assert "mixed_bfloat16" in notes.notes["precision"]
