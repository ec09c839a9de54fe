"""What is written short can be reached into, by an override and by a file on top, wherever a short form is."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from dlkit.config.annotations import bare, choice_in, field_type, members, short_form_in
from dlkit.config.problems import ConfigError
from dlkit.config.resolved import to_yaml
from dlkit.schema import Config
from dlkit.schema.loader import from_mapping, load
from tests.config.base import VALID, load_text

# What is written short, by its key path, a setting inside of it, and a value for that.
CASES = {
    "training.on_nonfinite": ("rollback", "attempts", 5),
    "training.limit_batches": (5, "train", 3),
    "training.optimizer": ("sgd", "momentum", 0.5),
    "training.schedule": ("cosine", "final_factor", 0.5),
    "training.loss": ("sparse_categorical_crossentropy", "ignore_class", 3),
    "training.metrics.0": ("sparse_top_k_categorical_accuracy", "k", 2),
    "training.callbacks.0": ("csv_logger", "filename", "a.csv"),
    "data.targets.label.loss": ("sparse_categorical_crossentropy", "ignore_class", 3),
    "data.targets.label.metrics.0": ("sparse_top_k_categorical_accuracy", "k", 2),
    "data.inputs.image.preprocess.0": ("rescale", "rescale.scale", 0.5),
    "data.source.features.image": ("int64", "shape", [3]),
    "model.backbone": ("resnet50", "weights", "none"),
    "model.inputs.image.backbone": ("resnet50", "weights", "none"),
    "model.layers.0": ({"dense": 3}, "dense.use_bias", False),
    "model.inputs.image.layers.0": ({"dense": 3}, "dense.use_bias", False),
    "data.inputs.image.augment.0": ("random_rotation", "random_rotation.factor", 0.1),
}
# Words of weights, in a builder, in a block, and in the same below `join`.
OF_WEIGHTS = {
    "initializer": ("random_normal", "random_normal.stddev", 0.5),
    "regularizer": ("l2", "l2.l2", 0.5),
    "constraint": ("max_norm", "max_norm.axis", 1),
}
WEIGHTS = {
    f"{place}{what}_{how}": case
    for place in ("model.", "model.blocks.0.", "model.inputs.image.", "model.inputs.image.blocks.0.")
    for what in ("kernel", "bias", *(() if "blocks" in place else ("recurrent",)))
    for how, case in OF_WEIGHTS.items()
}
# One of each is enough to try.
TRIED = {key: case for key, case in WEIGHTS.items() if key.startswith("model.kernel")}

# A source whose features may be written short.
RECORDS = {"kind": "tfrecord", "path": "a.tfrecord", "features": {"label": "int64"}}

# Where the network of `VALID` has blocks, which a backbone does not stand beside.
JOINED = {"builder": "join", "inputs": {"image": {"builder": "cnn"}}}
MODELS = {"model.backbone": "{builder: cnn}", "model.inputs.image.backbone": str(JOINED)}


def short_forms(annotation: Any, key: str, seen: frozenset[type] = frozenset()) -> set[str]:
    """The key paths in the schema that have a short form; `*` for any name, 0 for any item."""
    found = {key} if short_form_in(annotation) is not None else set()
    choice = choice_in(annotation)
    sections = list(choice.classes().values()) if choice is not None else []
    for member in members(annotation):
        inner, _ = bare(member)
        if get_origin(inner) is list:
            found |= short_forms(get_args(inner)[0], f"{key}.0", seen)
        elif get_origin(inner) is dict:
            found |= short_forms(get_args(inner)[1], f"{key}.*", seen)
        elif isinstance(inner, type) and issubclass(inner, BaseModel) and choice is None:
            sections.append(inner)
    for section in sections:
        for name, info in section.model_fields.items():
            if section not in seen:
                found |= short_forms(field_type(info), f"{key}.{name}", seen | {section})
    return found


def nested(key: str, value: Any) -> Any:
    """A mapping with a value at a dotted key."""
    for part in reversed(key.split(".")):
        value = [value] if part == "0" else {part: value}
    return value


def at(config: Config, key: str) -> Any:
    """The value at a dotted key of a typed configuration."""
    value: Any = config
    for part in key.split("."):
        value = (
            value[int(part)] if part.isdecimal() else value[part] if isinstance(value, dict) else getattr(value, part)
        )
    return value


def settings_of(made: Any) -> dict[str, Any]:
    """The settings of a section, of a step or of a Keras object."""
    if hasattr(made, "arguments"):
        return made.arguments
    name = getattr(made, "step", None) or getattr(made, "layer", None)
    return made.model_dump()[name] if name else made.model_dump()


def text_with(key: str, value: Any) -> dict[str, Any]:
    """A whole configuration with a value at a dotted key."""
    targets = {"label": {"kind": "category"}}
    data = {
        "source": RECORDS | {"features": {"label": "int64"}},
        "inputs": {"image": {"kind": "image"}},
        "targets": targets,
    }
    sequential = {"builder": "sequential"}
    joined = {"builder": "join", "inputs": {"image": sequential}}
    models = {
        "model.layers.0": sequential,
        "model.inputs.image.layers.0": joined,
        "model.inputs.image.backbone": JOINED,
    }
    mapping = {"name": "a", "data": data, "model": models.get(key, {"builder": "cnn"}), "training": {}}
    below: Any = mapping
    *parts, last = key.removesuffix(".0").split(".")
    for part in parts:
        below = below[part]
    below[last] = [value] if key.endswith(".0") else value
    return mapping


def test_every_short_form_of_the_schema_is_tried():
    known = {f"{key}.".replace(".image.", ".*.").replace(".label.", ".*.") for key in CASES | WEIGHTS}
    assert short_forms(Config, "") == {f".{key.removesuffix('.')}" for key in known}


@pytest.mark.parametrize("key", CASES | TRIED)
def test_an_override_reaches_inside(key):
    short, setting, value = (CASES | TRIED)[key]
    config = from_mapping(text_with(key, short), {f"{key}.{setting}": value}, needs_source=False).config
    made = at(config, key)
    name = setting.rpartition(".")[2]
    assert settings_of(made)[name] == value
    # The rest is what the short form says.
    written = from_mapping(text_with(key, short), needs_source=False).config
    assert type(at(written, key)) is type(made)


@pytest.mark.parametrize("key", [key for key in CASES | TRIED if not key.endswith(".0")])
def test_a_file_on_top_reaches_inside(tmp_path, key):
    short, setting, value = (CASES | TRIED)[key]
    records = "data.source." in key
    text = VALID.replace("{kind: tfds, name: mnist}", str(RECORDS)) if records else VALID
    if key in MODELS:
        before, _, behind = text.partition("model:")
        text = f"{before}model: {MODELS[key]}\ntraining:{behind.partition('training:')[2]}"
    base = load_text(tmp_path, text, name="base.yaml").config
    (tmp_path / "short.yaml").write_text("extends: base.yaml\n" + to_yaml(nested(key, short)))
    (tmp_path / "top.yaml").write_text("extends: short.yaml\n" + to_yaml(nested(f"{key}.{setting}", value)))
    loaded = load(tmp_path / "top.yaml")
    made = at(loaded.config, key)
    assert settings_of(made)[setting.rpartition(".")[2]] == value
    assert type(made) is type(at(load(tmp_path / "short.yaml").config, key))
    assert records or loaded.config.data.source == base.data.source
    again = tmp_path / "again.yaml"
    again.write_text(loaded.to_yaml())
    assert load(again).config == loaded.config


def test_the_default_is_written_down_before_one_of_its_settings_is_changed(tmp_path):
    config = load_text(tmp_path, VALID, "training.limit_batches.train=3").config
    assert config.training.limit_batches.model_dump() == {"train": 3, "validation": None, "test": None}
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, VALID, "training.on_nonfinite.attempts=5")
    (problem,) = caught.value.problems
    assert (problem.code, problem.key) == ("contradiction", ("training", "on_nonfinite", "attempts"))
    assert problem.label == "needs `action: rollback`"


def test_a_mapping_that_names_something_else_starts_afresh(tmp_path):
    (tmp_path / "base.yaml").write_text(VALID.replace("epochs: 10", "on_nonfinite: {action: rollback, attempts: 5}"))
    (tmp_path / "top.yaml").write_text("extends: base.yaml\ntraining: {on_nonfinite: stop, optimizer: lion}\n")
    training = load(tmp_path / "top.yaml").config.training
    assert (training.on_nonfinite.action, training.on_nonfinite.attempts) == ("stop", 3)
    assert (training.optimizer.name, training.optimizer.beta_2) == ("lion", 0.99)


def test_a_number_for_all_splits_meets_a_mapping_for_one(tmp_path):
    (tmp_path / "base.yaml").write_text(VALID.replace("epochs: 10", "limit_batches: 5"))
    (tmp_path / "top.yaml").write_text("extends: base.yaml\ntraining: {limit_batches: {train: 3}}\n")
    loaded = load(tmp_path / "top.yaml")
    assert loaded.config.training.limit_batches.model_dump() == {"train": 3, "validation": 5, "test": 5}
    origins = {key[-1]: place for key, place in loaded.origins.items() if key[:2] == ("training", "limit_batches")}
    assert origins["train"].endswith("top.yaml:2") and origins["test"].endswith("base.yaml:20")


def test_another_word_in_a_file_on_top_takes_the_place_of_the_first(tmp_path):
    (tmp_path / "base.yaml").write_text(VALID.replace("builder: cnn", "builder: cnn\n  kernel_regularizer: {l2: 0.1}"))
    (tmp_path / "top.yaml").write_text("extends: base.yaml\nmodel: {kernel_regularizer: {l1: 0.2}}\n")
    given = load(tmp_path / "top.yaml").config.model.kernel_regularizer
    assert (given.name, given.arguments) == ("l1", {"l1": 0.2})
