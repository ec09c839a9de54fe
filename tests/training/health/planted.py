"""Runs with one fault planted in each, on real data, which dlkit has to find; benchmarks/sick_runs.py shows them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_diabetes

from dlkit.config.problems import Problem
from dlkit.training.clock import Clock
from dlkit.training.health.snapshot import HealthSnapshot
from dlkit.training.listeners import Listener
from tests.training.helpers import images, settings

Data = dict[str, Any]


@dataclass(frozen=True)
class Plant:
    """One run with a fault.

    Attributes:
        fault: what is wrong, in a few words.
        code: of the one finding that it must give.
        config: with looks at fixed steps.
        data: arrays in Python.
        says: parts of the finding's message and help.
        waiting: seconds that each block of batches is waited for, by the clock of the test.
    """

    fault: str
    code: str
    config: dict[str, Any]
    data: Callable[[], Data]
    says: tuple[str, ...]
    waiting: float = 0.0


class HeldClock(Clock):
    """A clock by which every block of batches is waited for so long, and everything else takes a hundredth second."""

    def __init__(self, waiting: float = 0.0) -> None:
        super().__init__()
        self._waiting = waiting

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    @contextlib.contextmanager
    def counting(self, what: str) -> Iterator[None]:
        yield
        self.last = self._waiting if what == "data" else 0.01
        self.seconds[what] += self.last


class Heard(Listener):
    """Keeps the looks and the findings of a run."""

    def __init__(self) -> None:
        self.looks: list[HealthSnapshot] = []
        self.findings: list[Problem] = []

    def health_measured(self, look: HealthSnapshot) -> None:
        self.looks.append(look)

    def found(self, finding: Problem) -> None:
        self.findings.append(finding)


# Sizes that batches of 16 and 32 divide: a short batch would be one more program to compile.
def digits(count: int = 992) -> Data:
    """Images of MNIST, and 300 others to validate by."""
    return {"train": images(count), "validation": images(300, 20_000)}


def diabetes() -> Data:
    """Ten measurements of 442 patients and the progress of their illness a year later, of mean 0 and deviation 1."""
    x, y = (values.astype("float32") for values in load_diabetes(return_X_y=True))
    y = (y - y.mean()) / y.std()
    return {"train": (x[:352], y[:352]), "validation": (x[352:], y[352:])}


def with_outlier() -> Data:
    """The same with one progress that was read in wrongly."""
    found = diabetes()
    found["train"][1][200] = 400.0
    return found


def wrong_labels() -> Data:
    """Images whose labels are those of others."""
    x, y = images(992)
    return {"train": (x, np.random.default_rng(0).permutation(y)), "validation": images(300, 20_000)}


def partly_wrong_labels() -> Data:
    """192 images, of which a fifth have labels by chance."""
    x, y = images(192)
    chance = np.random.default_rng(0)
    return {**digits(192), "train": (x, np.where(chance.random(192) < 0.2, chance.integers(0, 10, 192), y))}


def zeros_and_ones() -> Data:
    """Images of these two digits alone, which are easily expected apart."""
    return {split: (x[y < 2], y[y < 2]) for split, (x, y) in digits().items()}


def slow() -> Data:
    """Images that take three milliseconds each to read."""

    def read(image: np.ndarray) -> np.ndarray:
        time.sleep(0.003)
        return image

    def reading(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.ensure_shape(tf.numpy_function(read, [image], tf.uint8), image.shape), label

    train, validation = (tf.data.Dataset.from_tensor_slices((x, y)) for x, y in (images(160), images(32, 20_000)))
    return {"train": train.map(reading), "validation": validation}


def classify(model: dict[str, Any], training: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A configuration for digits."""
    return settings(model, {"health": 10, **training}, **{"data": {"batch_size": 32}, **more})


def regress(model: dict[str, Any], training: dict[str, Any], batch_size: int = 16) -> dict[str, Any]:
    """A configuration for diabetes."""
    data = {
        "inputs": {"x": {"kind": "number"}},
        "targets": {"progress": {"kind": "number"}},
        "batch_size": batch_size,
    }
    training = {"health": 5, **training}
    return {"name": "diabetes", "data": data, "model": model, "training": training, "runtime": {"compile": "graph"}}


def mlp(*dense: int, **more: Any) -> dict[str, Any]:
    """Settings of a multi-layer perceptron."""
    return {"builder": "mlp", "dense": list(dense), **more}


def at(name: str, rate: float, **more: Any) -> dict[str, Any]:
    """Settings of an optimizer."""
    return {"name": name, "learning_rate": rate, **more}


PLANTS = {
    "vanishing": Plant(
        "eight layers of sigmoid",
        "vanishing-gradients",
        classify(mlp(*[32] * 8, activation="sigmoid"), {"epochs": 3}),
        digits,
        ("`dense_1` of sigmoid", "`label`", "`model.activation: relu`", "`model.normalization: layer`"),
    ),
    "exploding": Plant(
        "plain gradient descent with a rate at which it diverges",
        "exploding-gradients",
        # With one layer alone in training the loss grows by the same factor each time, and is still finite at the end.
        regress(
            mlp(32, activation="linear"),
            {"health": 1, "max_steps": 20, "freeze": ["dense_1"], "optimizer": at("sgd", 0.5)},
        ),
        diabetes,
        ("its norm is", "`training.optimizer.global_clipnorm: 1.0`", "`training.optimizer.learning_rate: 0.05`"),
    ),
    "exploding-backwards": Plant(
        "eighteen layers of batch normalisation and ReLU",
        "exploding-gradients",
        classify(mlp(*[16] * 18, normalization="batch"), {"epochs": 1, "health": 5}),
        lambda: digits(704),
        ("on its way back: that of `dense_1`", "times that of `label`", f"`model.dense: {[16] * 9}`"),
    ),
    "dead": Plant(
        "plain gradient descent with far too large a rate",
        "dead-relu",
        classify(mlp(64, 64), {"epochs": 3, "optimizer": at("sgd", 3.0)}),
        digits,
        ("`dense_2` are dead", "`training.optimizer.learning_rate: 0.3`", "`model.activation: leaky_relu`"),
    ),
    "one-class": Plant(
        "images scaled to nothing",
        "one-class",
        classify(mlp(64, activation="tanh"), {"epochs": 5}, image={"preprocess": [{"rescale": {"scale": 1e-9}}]}),
        digits,
        ("prediction of `label`", "`data.inputs.image.preprocess: [normalize]`"),
    ),
    "rate-too-high": Plant(
        "Adam with a hundred times its usual rate",
        "rate-too-high",
        classify(mlp(64, 64), {"epochs": 3, "optimizer": at("adam", 0.1)}),
        digits,
        ("the learning rate 0.1", "`training.optimizer.learning_rate: 0.001`", "`dlkit find-lr`"),
    ),
    "rate-too-low": Plant(
        "Adam with a thousandth of its usual rate",
        "rate-too-low",
        classify(mlp(64, 64), {"epochs": 3, "optimizer": at("adam", 1e-6)}),
        digits,
        ("the learning rate 1e-06", "`training.optimizer.learning_rate: 0.0003`", "`dlkit find-lr`"),
    ),
    "spike": Plant(
        "one label that was read in wrongly",
        "loss-spike",
        regress(mlp(32), {"epochs": 4, "health": 2}, batch_size=32),
        with_outlier,
        ("the loss jumped to", "extreme values in the data", "`training.optimizer.global_clipnorm: 1.0`"),
    ),
    "over-fitting": Plant(
        "270,000 weights for 192 images, of which a fifth are labelled by chance",
        "over-fitting",
        classify(mlp(256, 256), {"epochs": 16, "optimizer": at("adam", 0.002)}),
        partly_wrong_labels,
        ("val_loss was best in epoch", "`training.early_stopping: {patience: 3}`", "`model.dropout: 0.3`"),
    ),
    "under-fitting": Plant(
        "labels of other images",
        "under-fitting",
        classify(mlp(16), {"epochs": 8, "optimizer": at("adam", 0.0003)}),
        wrong_labels,
        ("learns next to nothing", "see whether inputs and labels belong together", "`model.dense: [32]`"),
    ),
    "plateau": Plant(
        "epochs that go on after all is learned",
        "plateau",
        classify(mlp(16), {"epochs": 20, "monitor": "val_accuracy"}),
        zeros_and_ones,
        ("val_accuracy has not improved since epoch", "`training.early_stopping: {patience: 3}`", "cosine"),
    ),
    "input-bound": Plant(
        "images that take three milliseconds each to read",
        "input-bound",
        classify(mlp(16), {"epochs": 4, "health": 3}),
        slow,
        ("waits for data", "num_parallel_calls"),
        waiting=1.0,
    ),
}
