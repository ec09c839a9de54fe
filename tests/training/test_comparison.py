"""A run says what simple models reach on the same examples, and says it plainly where the network is not better."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.baselines.alone import of_config
from dlkit.baselines.compare import verdicts
from dlkit.progress.base import compared, outcome
from dlkit.training.interrupts import Interrupted
from tests.checks.tables import real
from tests.training.helpers import DATA, SGD, SMALL, InterruptAt, Notes, load, resume, settings, state_digest, train


def table(training: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A short run on breast_cancer, whose network does not come near logistic regression."""
    given, data = real("breast_cancer", "binary")
    given["training"] = {"epochs": 1, **SGD, **(training or {})}
    return given, data


def kept(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "baselines.json").read_text())
    return found


def without_times(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found["baselines"]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dlkit.Run, Notes]]:
    """A run with baselines and one without, to look at, and what they reported."""
    found = {}
    for word in ("auto", "off"):
        notes = Notes()
        given, data = table({"baselines": word})
        found[word] = train(given, tmp_path_factory.mktemp(word), data=data, listener=notes), notes
    return found


def test_a_run_keeps_and_shows_its_baselines_and_where_the_network_is_no_better(
    runs: dict[str, tuple[dlkit.Run, Notes]],
) -> None:
    given, data = table()
    run, notes = runs["auto"]
    found = kept(run.folder)
    assert found == notes.result["baselines"]
    assert without_times(found) == without_times(of_config(load(given), data=data))
    best = max(row["figures"]["accuracy"] for row in found["baselines"])
    ours = run.test["accuracy"]
    assert ours < best
    (line,) = found["no_better"]
    assert line.startswith("no better than ") and line.endswith(f": accuracy {ours:.3f} against {best:.3f}")
    words = [word for word, _ in outcome(notes.result, None)]
    assert words == ["test", "baseline", "baseline", "baseline", "compared", "weights"]
    assert f"the network is {line}" in [value for _, value in outcome(notes.result, None)]


def test_nothing_is_compared_where_it_is_off(runs: dict[str, tuple[dlkit.Run, Notes]]) -> None:
    run, notes = runs["off"]
    assert not (run.folder / "baselines.json").exists()
    assert "baselines" not in notes.result
    assert [word for word, _ in outcome(notes.result, None)] == ["test", "weights"]


def test_comparing_changes_no_bit_of_training(runs: dict[str, tuple[dlkit.Run, Notes]]) -> None:
    on, off = (runs[word][0].folder for word in ("auto", "off"))
    assert state_digest(on) == state_digest(off)
    assert (on / "test.json").read_text() == (off / "test.json").read_text()


def test_a_resumed_run_has_the_baselines_of_one_that_was_not_interrupted(
    runs: dict[str, tuple[dlkit.Run, Notes]], tmp_path: Path
) -> None:
    given, data = table({"checkpoints": {"every_steps": 3}})
    whole, _ = runs["auto"]
    with pytest.raises(Interrupted):
        train(given, tmp_path / "cut", data=data, listener=InterruptAt(1))
    (folder,) = (path for path in (tmp_path / "cut").glob("*/*") if path.is_dir() and not path.is_symlink())
    assert not (folder / "baselines.json").exists()
    resume(folder, data=data)
    assert without_times(kept(folder)) == without_times(kept(whole.folder))
    assert kept(folder)["no_better"] == kept(whole.folder)["no_better"]


def test_without_a_test_split_the_best_epoch_is_compared_on_validation(tmp_path: Path) -> None:
    given, data = table()
    run = train(given, tmp_path, data={name: data[name] for name in ("train", "validation")})
    found = kept(run.folder)
    assert found["split"] == "validation"
    assert f"accuracy {run.history['val_accuracy'][0]:.3f} against" in found["no_better"][0]
    assert compared(found)[0][1].startswith("majority class (validation): ")


def test_without_test_and_validation_there_is_nothing_to_compare(tmp_path: Path) -> None:
    given, data = table()
    run = train(given, tmp_path, data={"train": data["train"]})
    assert not (run.folder / "baselines.json").exists()


def test_a_run_on_images_is_compared_with_the_majority_class(tmp_path: Path) -> None:
    run = train(settings(SMALL, {"epochs": 1, **SGD}), tmp_path, data=DATA)
    assert [row["name"] for row in kept(run.folder)["baselines"]] == ["majority class"]


def made(**figures: dict[str, float]) -> dict[str, Any]:
    return {"baselines": [{"name": name, "target": "y", "figures": found} for name, found in figures.items()]}


@pytest.mark.parametrize(
    ("ours", "theirs", "better", "line"),
    [
        ({"loss": 1.0, "accuracy": 0.79}, {"loss": 9.0, "accuracy": 0.795}, "max", "accuracy 0.790 against 0.795"),
        ({"loss": 1.0, "accuracy": 0.79}, {"loss": 0.1, "accuracy": 0.789}, "max", ""),
        ({"loss": 1.0, "accuracy": 0.79}, {"loss": 0.1, "accuracy": 0.79}, "max", "accuracy 0.790 against 0.790"),
        ({"loss": 1.0, "accuracy": 54.2}, {"loss": 2.0, "accuracy": 53.1}, "min", "accuracy 54.2 against 53.1"),
        ({"loss": 1.0, "accuracy": np.nan}, {"loss": 0.5, "accuracy": 1.0}, "max", "accuracy nan against 1.000"),
        ({"loss": 1.0, "accuracy": 0.79}, {"loss": 0.5, "accuracy": 0.1}, None, "loss 1.000 against 0.500"),
        ({}, {"loss": 0.5, "accuracy": 0.1}, "max", ""),
    ],
)
def test_a_network_is_better_or_it_is_said(ours: Any, theirs: Any, better: Any, line: str) -> None:
    found = verdicts(made(tree=theirs), ours, {"loss": "min", "accuracy": better})
    assert found == ([f"no better than tree: {line}"] if line else [])


def test_the_best_of_the_baselines_is_named() -> None:
    found = made(a={"accuracy": 0.6}, b={"accuracy": 0.8}, c={"accuracy": 0.7})
    assert verdicts(found, {"accuracy": 0.5}, {"accuracy": "max"}) == [
        "no better than b: accuracy 0.500 against 0.800"
    ]  # fmt: skip
