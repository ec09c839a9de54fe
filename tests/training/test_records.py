"""What a run records and counts is that of the checkpoint that it goes on from."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlkit.training.callbacks import Callbacks, _cut_rows
from dlkit.training.checkpoints import files as checkpoints
from tests.training.helpers import DATA, EVEN, SGD, SMALL, VALIDATED, resume, settings, state_digest, train
from tests.training.test_recorder import curves
from tests.training.test_resume import Cut, CutAt, with_checkpoints


def cut_in_third_epoch(config: dict[str, Any], tmp_path: Path) -> Path:
    """The folder of a run that was cut in its third epoch, and then lost its newest checkpoint: it goes on from 1."""
    with pytest.raises(Cut):
        train(config, tmp_path, data=VALIDATED, listener=CutAt(17))
    folder = (tmp_path / "small" / "latest").resolve()
    newest = checkpoints.newest(folder / "checkpoints")
    assert newest[0].name == "step-0000000014"
    shutil.rmtree(newest[0])
    return folder


def test_log_and_curves_have_each_epoch_once(tmp_path: Path, one_step_chunks: None) -> None:
    folder = cut_in_third_epoch(settings(SMALL, {"health": 3, **SGD}), tmp_path)
    assert (folder / "train.log").read_text().count("  epoch 2  ") == 1
    resume(folder, data=VALIDATED)
    log = (folder / "train.log").read_text()
    assert [log.count(f"  epoch {n}  ") for n in (1, 2, 3)] == [1, 1, 1]
    assert len(curves(folder / "tensorboard" / "train")["epoch_loss"]) == 3
    assert len(curves(folder / "tensorboard" / "validation")["epoch_loss"]) == 3
    assert len(curves(folder / "tensorboard" / "train")["health/gradient"]) == 7


def test_a_csv_logger_keeps_its_earlier_rows_and_has_each_epoch_once(tmp_path: Path, one_step_chunks: None) -> None:
    path = tmp_path / "epochs.csv"
    config = settings(SMALL, {"callbacks": [{"name": "csv_logger", "filename": str(path)}], **SGD})
    resume(cut_in_third_epoch(config, tmp_path), data=VALIDATED)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert all(float(row["val_loss"]) > 0 for row in rows)


@pytest.mark.parametrize(
    ("kind", "metrics"), [("binary", ["f1_score", "auc"]), ("number", ["r2_score", "mean_absolute_error"])]
)
def test_metrics_that_wait_for_their_first_batch_go_on_in_mid_epoch(
    kind: str, metrics: list[str], tmp_path: Path, one_step_chunks: None
) -> None:
    (x, y) = EVEN["train"]
    data = {"train": (x, (y % 2).astype("float32" if kind == "number" else "int32"))}

    def config(**checkpoints: Any) -> dict[str, Any]:
        made = with_checkpoints(**checkpoints)
        made["data"]["targets"] = {"label": {"kind": kind, "metrics": metrics}}
        return made

    whole = train(config(), tmp_path / "whole", data=data)
    with pytest.raises(Cut):
        train(config(every_steps=3), tmp_path / "cut", data=data, listener=CutAt(12))
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    resume(folder, data=data)
    assert state_digest(folder) == state_digest(whole.folder)


def test_a_rollback_cuts_them_too(tmp_path: Path, one_step_chunks: None) -> None:
    """One image of the third epoch's data blows up the loss once; the run goes back and on."""
    path = tmp_path / "epochs.csv"
    training = {
        "callbacks": [{"name": "csv_logger", "filename": str(path)}],
        "on_nonfinite": {"action": "rollback", "learning_rate_factor": 1e-3, "attempts": 9},
        "optimizer": {"name": "sgd", "learning_rate": 1e4},
        "health": "off",
    }
    x = DATA["train"][0].astype("float32")
    y = np.linspace(0, 1000, len(x)).astype("float32")
    config = settings({"builder": "mlp", "dense": [4]}, training)
    config["data"]["targets"] = {"label": {"kind": "number"}}
    done = train(config, tmp_path, data={"train": (x, y)})
    assert any("rollback: " in line for line in (done.folder / "train.log").read_text().splitlines())
    with path.open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]
    assert len(curves(done.folder / "tensorboard" / "train")["epoch_loss"]) == 3


@pytest.mark.parametrize(
    ("rows", "epochs", "left"),
    [
        (["0,a", "1,b", "2,c"], 2, ["0,a", "1,b"]),
        (["0,a", "1,b", "2,c", "0,d", "1,e"], 1, ["0,a", "1,b", "2,c", "0,d"]),
        (["0,a", "1,b", "2,c", "0,d"], 0, ["0,a", "1,b", "2,c"]),
        (["0,a", "1,b", "2,hal"], 3, ["0,a", "1,b", "2,hal"]),
        (["0,a", "1,b", "2"], 2, ["0,a", "1,b"]),
    ],
)
def test_rows_of_another_run_in_the_same_file_stay(
    rows: list[str], epochs: int, left: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\r\n".join(["epoch,loss", *rows, ""]).encode())
    _cut_rows(path, ",", epochs)
    assert path.read_bytes() == "\r\n".join(["epoch,loss", *left, ""]).encode()


def test_half_a_row_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("epoch,loss\n0,1.0\n1,2")
    _cut_rows(path, ",", 3)
    assert path.read_text() == "epoch,loss\n0,1.0\n"


def test_callbacks_without_files_are_left_alone() -> None:
    Callbacks([], {}).cut_back(3)
