"""Streams that end early: none trains on nothing, and none is found out after training alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.checks.examine import examine
from dlkit.config.problems import DlkitError
from dlkit.evaluation.evaluate import evaluate
from dlkit.schema.loader import from_mapping
from dlkit.training.find_lr.run import find_lr
from tests.quick import ALONE

SIZE = 40
X = np.random.default_rng(0).normal(size=(SIZE, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")
TYPES = (tf.TensorSpec((3,), tf.float32), tf.TensorSpec((), tf.int32))


def rows() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield from zip(X, Y, strict=True)


def whole() -> tf.data.Dataset:
    """Examples that come again, whose number is not known."""
    return tf.data.Dataset.from_generator(rows, output_signature=TYPES)


def one_shot() -> tf.data.Dataset:
    """A generator that is used up after the first pass."""
    generator = rows()
    return tf.data.Dataset.from_generator(lambda: generator, output_signature=TYPES)


def empty() -> tf.data.Dataset:
    return whole().filter(lambda x, y: False)


def promises(size: int) -> tf.data.Dataset:
    return whole().apply(tf.data.experimental.assert_cardinality(size))


def settings(**training: Any) -> dict[str, Any]:
    """Numbers, whose normalization reads the training split once before it is counted."""
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "binary"}}, "batch_size": 16}
    training = {"epochs": 2, **ALONE, **training}
    return {"name": "s", "data": data, "model": {"builder": "mlp"}, "training": training}


def problem_of(act: Callable[[], Any]) -> Any:
    with pytest.raises(DlkitError) as failed:
        act()
    return failed.value.problems[0]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize(
    ("make", "code", "said"),
    [(one_shot, "data-ended", "40 examples, and none when it was read again"), (empty, "empty-split", "no examples")],
)
def test_a_stream_that_gives_nothing_is_refused_before_training(
    make: Callable[[], tf.data.Dataset], code: str, said: str, split: str, tmp_path: Path
) -> None:
    data = {"train": whole(), split: make()}
    problem = problem_of(lambda: dlkit.train(settings(), data=data, runs_folder=tmp_path, verbose=False))
    assert problem.code == code
    assert f"`{split}`" in problem.message
    assert said in problem.message
    assert not list(tmp_path.iterdir()), "there is no run"


@pytest.mark.parametrize(("size", "came"), [(50, "gave 40"), (30, "gave more")])
def test_a_broken_promise_of_a_size_is_reported(size: int, came: str, tmp_path: Path) -> None:
    loaded = from_mapping(settings(), needs_source=False)
    for act in (
        lambda: dlkit.train(settings(), data={"train": promises(size)}, runs_folder=tmp_path, verbose=False),
        lambda: examine(loaded, data={"train": promises(size)}),
        lambda: find_lr(loaded, data={"train": promises(size)}, steps=20),
    ):
        problem = problem_of(act)
        assert problem.code == "data-ended"
        assert f"promised {size} examples" in problem.message
        assert came in problem.message


def test_a_stream_of_fewer_examples_than_its_limit_is_used_whole(tmp_path: Path) -> None:
    data = {"train": whole(), "test": whole()}
    run = dlkit.train(settings(limit_batches=5), data=data, runs_folder=tmp_path, verbose=False)
    assert run.state == "finished"
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        assert len(kept["y_label"]) == SIZE


def test_a_split_without_examples_is_not_evaluated(tmp_path: Path) -> None:
    run = dlkit.train(settings(epochs=1), data={"train": whole()}, runs_folder=tmp_path, verbose=False)
    problem = problem_of(lambda: evaluate(run.folder, data={"train": whole(), "test": empty()}))
    assert problem.code == "empty-split"
