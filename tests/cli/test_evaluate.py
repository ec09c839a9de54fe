"""dlkit evaluate and dlkit predict."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from typer.testing import Result

Dlkit = Callable[..., Result]


@pytest.fixture
def digit(workspace: Path, tmp_path: Path) -> Path:
    """One test image as a PNG file."""
    path = tmp_path / "digit.png"
    with np.load(workspace / "digits.npz") as arrays:
        tf.io.write_file(str(path), tf.io.encode_png(arrays["x_test"][0]))
    return path


def test_a_run_is_evaluated_on_its_test_split(dlkit: Dlkit, trained: Path) -> None:
    result = dlkit("evaluate", trained)
    assert result.exit_code == 0, result.output
    assert "on 70 examples of test" in result.stdout
    found = json.loads(dlkit("evaluate", "small", "--json").stdout)
    recorded = json.loads((trained / "test.json").read_text())
    assert found["examples"] == 70
    assert found["loss"] == pytest.approx(recorded["loss"], rel=1e-5)
    assert found["accuracy"] == pytest.approx(recorded["accuracy"], rel=1e-6)


def test_images_are_flipped_where_that_is_asked_for(dlkit: Dlkit, trained: Path) -> None:
    result = dlkit("evaluate", trained, "--flips", "horizontal")
    assert result.exit_code == 0 and "flipped" in result.stderr
    assert "'vertical'" in dlkit("evaluate", trained, "--flips", "sideways").stderr


def test_another_split_and_other_data(dlkit: Dlkit, trained: Path, tmp_path: Path) -> None:
    assert json.loads(dlkit("evaluate", trained, "--split", "validation", "--json").stdout)["examples"] == 50
    moved = tmp_path / "moved.keras"
    moved.write_bytes((trained / "model.keras").read_bytes())
    assert "--data CONFIG" in dlkit("evaluate", moved).stderr
    words = ["evaluate", moved, "--data", "small.yaml", "data.splits={train: train, test: 'test[:10]'}", "--json"]
    assert json.loads(dlkit(*words).stdout)["examples"] == 10


def test_a_split_that_is_not_there(dlkit: Dlkit, trained: Path) -> None:
    words = ["data.splits={train: train, test: test}", "--split", "validation"]
    result = dlkit("evaluate", trained, *words)
    assert result.exit_code == 2
    assert "error[no-such-split]" in result.stderr


def test_a_damaged_model_is_reported_as_such(dlkit: Dlkit, trained: Path, tmp_path: Path) -> None:
    whole = (trained / "model.keras").read_bytes()
    for name, content in {"cut": whole[:-1000], "empty": b"", "flipped": whole[:2000] + b"XXXX" + whole[2004:]}.items():
        path = tmp_path / f"{name}.keras"
        path.write_bytes(content)
        result = dlkit("evaluate", path, "--data", "small.yaml")
        assert result.exit_code == 1
        assert "error[damaged-model]" in result.stderr
    missing = dlkit("evaluate", tmp_path / "none.keras", "--data", "small.yaml")
    assert missing.exit_code == 2
    assert "error[no-such-model]" in missing.stderr


def test_a_run_without_a_model_says_how_to_get_one(dlkit: Dlkit, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unfinished"
    folder.mkdir()
    (folder / "config.yaml").write_text((trained / "config.yaml").read_text())
    result = dlkit("evaluate", folder)
    assert result.exit_code == 1
    assert "dlkit train --resume" in result.stderr


def test_an_image_is_predicted(dlkit: Dlkit, trained: Path, digit: Path) -> None:
    result = dlkit("predict", trained, digit)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(str(digit))
    assert result.stdout.count(", ") == 1  # the first, then two more
    (message,) = json.loads(dlkit("predict", trained, digit, "--json").stdout)["predictions"]
    assert sum(message["label"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert message["label"]["probability"] == max(message["label"]["probabilities"].values())


def test_every_bad_file_is_named_and_the_others_are_predicted(
    dlkit: Dlkit, trained: Path, digit: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    np.save(tmp_path / "objects.npy", np.array([{}], object))
    np.save(tmp_path / "floats.npy", np.zeros((2, 28, 28, 1), np.float32))
    (tmp_path / "notes.txt").write_text("hello")
    bad = [tmp_path / name for name in ("bad.png", "objects.npy", "floats.npy", "notes.txt")]
    result = dlkit("predict", trained, digit, *bad)
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()] == [str(digit)]
    assert result.stderr.count("error[unusable-input]") == len(bad)
    assert all(path.name in result.stderr for path in bad)
    assert "{{" not in result.stderr
    (tmp_path / "empty").mkdir()
    for absent in (tmp_path / "gone.png", tmp_path / "empty", tmp_path / "*.tiff"):
        result = dlkit("predict", trained, digit, bad[0], absent)
        assert result.exit_code == 2 and str(digit) in result.stdout
        assert result.stderr.count("error[unusable-input]") == 2
    result = dlkit("predict", trained, digit, *bad, "--json", "--output", tmp_path / "some.csv")
    content = json.loads(result.stdout)
    assert result.exit_code == content["exit_status"] == 1 and not content["ok"]
    assert len(content["problems"]) == len(bad) and len(content["predictions"]) == 1
    assert [row["input"] for row in csv.DictReader((tmp_path / "some.csv").open())] == [str(digit)]
    nothing = dlkit("predict", trained, *bad)
    assert nothing.exit_code == 1 and nothing.stdout == ""


def test_results_are_written_as_csv_json_and_arrays(dlkit: Dlkit, trained: Path, tmp_path: Path) -> None:
    paths = {kind: tmp_path / f"results.{kind}" for kind in ("csv", "json", "npz")}
    for path in paths.values():
        result = dlkit("predict", trained, "--split", "test", "--output", path)
        assert result.exit_code == 0, result.output
        assert "50 more" in result.stdout
    with np.load(paths["npz"]) as arrays:
        probabilities, labels = arrays["label_result"], arrays["label_label"]
    assert probabilities.shape == (70, 10)
    rows = list(csv.DictReader(paths["csv"].open()))
    records = json.loads(paths["json"].read_text())
    assert len(rows) == len(records) == 70
    assert [row["row"] for row in rows] == [str(record["row"]) for record in records] == list(map(str, range(70)))
    for row, record, expected, label in zip(rows, records, probabilities, labels, strict=True):
        # Written so that they read back as the same float32.
        assert [np.float32(row[f"p_{i}"]) for i in range(10)] == list(expected)
        assert [np.float32(p) for p in record["label"]["probabilities"].values()] == list(expected)
        assert (row["label"], record["label"]["label"]) == (str(label), label)


def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    dlkit: Dlkit, trained: Path, tmp_path: Path
) -> None:
    for path in (tmp_path / "results.xlsx", tmp_path / "nowhere" / "results.csv"):
        result = dlkit("predict", trained, "--split", "test", "--output", path)
        assert result.exit_code == 2
        assert "error[bad-output]" in result.stderr


def test_nothing_to_predict_for(dlkit: Dlkit, trained: Path) -> None:
    result = dlkit("predict", trained)
    assert result.exit_code == 2
    assert "error[no-inputs]" in result.stderr
