"""Every name of Keras's is accepted and listed by `dlkit schema`; another spelling of it is met with the right one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest
import yaml

from dlkit.config import keras_names
from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.json_schema import json_schema
from dlkit.schema.keras_objects import keras_class
from dlkit.schema.loader import from_mapping
from dlkit.schema.target import TARGETS
from tests.config.base import VALID, mistakes

NAMES = keras_names.table()
SCHEMA = json.dumps(json_schema())
# What no configuration says, and why.
NOT_FOR_A_CONFIGURATION = {
    "multi_optimizer": "it is made of other optimizers and the layers of each",
    "ctc": "no kind of target has labels that are sequences",
    "circle": "it compares embeddings with each other, and no kind of target is one",
}
# Optimizers and schedules whose names are not those of Keras's classes in snake_case.
OF_DLKIT = {
    "adam_w": "adamw", "rm_sprop": "rmsprop", "schedule_free_adam_w": "schedule_free_adamw", "CosineDecay": "cosine",
    "CosineDecayRestarts": "cosine_restarts", "ExponentialDecay": "exponential", "InverseTimeDecay": "inverse_time",
    "PiecewiseConstantDecay": "step", "PolynomialDecay": "polynomial",
}  # fmt: skip
# Arguments without which dlkit takes no loss or metric of that name.
NEEDS: dict[str, dict[str, Any]] = {"poisson": {"positive": True}}
WEIGHTS = {
    "initializers": "kernel_initializer",
    "regularizers": "kernel_regularizer",
    "constraints": "kernel_constraint",
}


def refused(target: dict[str, Any] | None = None, **settings: dict[str, Any]) -> list[Problem]:
    """What is wrong with these settings of model and training, and of the target."""
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": target or {"kind": "category", "classes": 3}}}
    mapping = {"name": "n", "data": data, "model": {"builder": "mlp", **settings.get("model", {})}}
    try:
        from_mapping({**mapping, "training": settings.get("training", {})}, needs_source=False)
    except ConfigError as error:
        return list(error.problems)
    return []


def settings_with(category: str, name: str) -> Iterator[dict[str, Any]]:
    """Settings that say a name, any of which may be accepted."""
    if category == "activations":
        yield {"model": {"activation": name}}
    elif category in WEIGHTS:
        yield {"model": {WEIGHTS[category]: name}}
    elif category == "optimizers":
        yield {"training": {"optimizer": OF_DLKIT.get(name, name)}}
    else:
        for kind in TARGETS.names():
            given = name if category == "losses" else [name]
            needs = NEEDS.get(name, {}) if kind in ("number", "forecast") and category == "losses" else {}
            yield {"target": {"kind": kind, category.replace("losses", "loss"): given, **needs}}


CATEGORIES = ["activations", "losses", "metrics", "optimizers", *WEIGHTS]


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_name_is_accepted_and_listed(category: str) -> None:
    for name in NAMES[category]:
        accepted = any(not refused(**settings) for settings in settings_with(category, name))
        assert accepted != (name in NOT_FOR_A_CONFIGURATION), name
        assert not accepted or f'"{OF_DLKIT.get(name, name)}"' in SCHEMA, name


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_name_of_a_class_is_met_with_that_of_the_configuration(category: str) -> None:
    for name in NAMES[category]:
        cls = keras_class(category, name)
        written = name.upper() if cls is None else cls.__name__
        right = OF_DLKIT.get(name, name)
        if written == right or name in NOT_FOR_A_CONFIGURATION:
            continue
        said = [problem for settings in settings_with(category, written) for problem in refused(**settings)]
        assert any(problem.label == f"did you mean `{right}`?" for problem in said), written


def test_every_schedule_of_keras_has_its_own_here() -> None:
    schedules = {n: c for n, c in vars(keras.optimizers.schedules).items() if isinstance(c, type)}
    for name in schedules.keys() - {"LearningRateSchedule"}:
        (problem,) = refused(training={"schedule": name})
        assert problem.label == f"did you mean `{OF_DLKIT[name]}`?"
        assert f'"{OF_DLKIT[name]}"' in SCHEMA


# What Keras takes by other names, and what people write elsewhere.
OTHERWISE = [
    ("training.loss=mse", "number", "mean_squared_error"), ("training.loss=MAE", "number", "mean_absolute_error"),
    ("training.loss=mape", "number", "mean_absolute_percentage_error"),
    ("training.loss=msle", "number", "mean_squared_logarithmic_error"), ("training.loss=bce", "binary",
    "binary_crossentropy"), ("training.loss=kld", "category", "kl_divergence"),
    ("training.loss=focal", "binary", "binary_focal_crossentropy"),
    ("training.loss=focal_loss", "category", "categorical_focal_crossentropy"),
    ("training.loss=logcosh", "number", "log_cosh"), ("training.loss=l1", "number", "mean_absolute_error"),
    ("training.loss=smooth_l1", "number", "huber"), ("training.metrics=[acc]", "category", "accuracy"),
    ("training.metrics=[rmse]", "number", "root_mean_squared_error"), ("training.metrics=[r2]", "number", "r2_score"),
    ("training.metrics=[f1]", "category", "f1_score"), ("training.metrics=[roc_auc]", "binary", "auc"),
    ("training.metrics=[top5]", "category", "sparse_top_k_categorical_accuracy"),
    ("training.metrics=[mean_iou]", "category", "mean_io_u"), ("training.optimizer=AdamW", "category", "adamw"),
    ("training.optimizer={name: adam, lr: 0.1}", "category", "learning_rate"),
    ("training.schedule=cosine_annealing", "category", "cosine"),
    ("training.schedule=linear", "category", "polynomial"),
    ("model.activation=ReLU", "category", "relu"), ("model.activation=Leaky_ReLU", "category", "leaky_relu"),
    ("model.blocks.0.padding=SAME", "category", "same"),
    ("model.kernel_initializer=normal", "category", "random_normal"),
    ("model.kernel_initializer=xavier_uniform", "category", "glorot_uniform"),
    ("model.kernel_initializer=kaiming_normal", "category", "he_normal"),
    ("model.kernel_initializer=uniform", "category", "random_uniform"),
    ("model.kernel_initializer=zero", "category", "zeros"), ("model.kernel_regularizer=L1L2", "category", "l1_l2"),
    ("model.kernel_constraint=maxnorm", "category", "max_norm"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "kind", "right"), OTHERWISE, ids=[word for word, _, _ in OTHERWISE])
def test_another_spelling_is_met_with_the_right_one(word: str, kind: str, right: str, tmp_path: Path) -> None:
    text = VALID.replace("{kind: category}", f"{{kind: {kind}}}")
    # In the file, so that the place is a line of it.
    key, _, value = word.partition("=")
    if not key.startswith("model.blocks"):
        data = yaml.safe_load(text)
        section, name = key.split(".")
        data[section][name] = yaml.safe_load(value)
        text, words = yaml.safe_dump(data), ()
    else:
        words = (word,)
    (problem,) = mistakes(tmp_path, text, *words)
    assert problem.label == f"did you mean `{right}`?" and problem.location is not None
