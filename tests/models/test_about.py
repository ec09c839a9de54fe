"""What `dlkit.json` and a run's `fitted/` hold: read again as it was, and refused where nobody can have fitted it."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from dlkit.data.bound import Spec
from dlkit.data.preprocessing import make_preprocessing
from dlkit.models.about import describe, read_spec
from dlkit.models.build import build
from dlkit.schema.loader import Loaded, from_mapping
from dlkit.training.prepare import prepare

RANDOM = np.random.default_rng(0)
ROWS = 60
NUMBERS = RANDOM.normal(size=(ROWS, 3)).astype("float32")
NUMBERS[::7, 1] = np.nan
SERIES = RANDOM.normal(size=(ROWS, 5, 2)).astype("float32")
SERIES[::2, 3:] = np.nan
INPUTS = {
    "numbers": NUMBERS,
    "series": SERIES,
    "words": np.array(["a", "b", "c"])[RANDOM.integers(0, 3, (ROWS, 2))],
    "codes": RANDOM.integers(3, 6, ROWS),
    "image": RANDOM.integers(0, 256, (ROWS, 6, 6, 1)).astype("uint8"),
}
TARGETS = {
    "kind": np.array(["x", "y", "z"])[RANDOM.integers(0, 3, ROWS)],
    "yes": RANDOM.integers(0, 2, ROWS),
    "tags": np.array(["u", "v", "u,v"])[RANDOM.integers(0, 3, ROWS)],
    "size": RANDOM.normal(size=(ROWS, 2)).astype("float32"),
}
CONFIG = {
    "name": "every",
    "data": {
        "inputs": {
            "numbers": {"kind": "number", "preprocess": [{"fill_missing": "mean"}, "normalize"]},
            "series": {"kind": "sequence"},
            "words": {"kind": "category"},
            "codes": {"kind": "category"},
            "image": {"kind": "image", "preprocess": [{"resize": {"height": 4, "width": 4}}, "normalize"]},
        },
        "targets": {
            "kind": {"kind": "category"},
            "yes": {"kind": "binary"},
            "tags": {"kind": "multi_label"},
            "size": {"kind": "number"},
        },
    },
    "model": {"builder": "mlp", "dense": [4]},
}
BROKEN = [
    *(0, -1, 3.5, 10**30, "x", None, [], {}, [1], [[]], ["x"], [None], [math.inf], [0.0, 1.0, 2.0, 3.0], {"x": 1}),
]


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    """A configuration with every kind of input and target that fits arrays."""
    return from_mapping(CONFIG, needs_source=False)


@pytest.fixture(scope="module")
def spec(loaded: Loaded) -> Spec:
    """What it fits."""
    return prepare(loaded, (INPUTS, TARGETS)).built.spec


def test_what_was_fitted_is_read_again_as_it_was(spec: Spec) -> None:
    again = read_spec(json.loads(json.dumps(describe(spec))))
    for ours, theirs in ((spec.inputs, again.inputs), (spec.targets, again.targets)):
        assert {n: (b.feature, b.state, b.settings) for n, b in ours.items()} == {
            n: (b.feature, b.state, b.settings) for n, b in theirs.items()
        }


def places(content: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every value below one."""
    keys = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield (*way, key)
        yield from places(content[key], (*way, key))


def changed(about: dict[str, Any], way: tuple[Any, ...], chance: random.Random) -> dict[str, Any]:
    """A copy with another value there, or with none."""
    about = copy.deepcopy(about)
    inner = about
    for key in way[:-1]:
        inner = inner[key]
    if chance.random() < 0.2:
        del inner[way[-1]]
    else:
        inner[way[-1]] = copy.deepcopy(chance.choice(BROKEN))
    return about


@pytest.mark.parametrize("times", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_a_state_that_was_changed_is_refused_or_still_makes_a_model(loaded: Loaded, spec: Spec, times: int) -> None:
    about, chance = json.loads(json.dumps(describe(spec))), random.Random(0)
    ways = [way for way in places(about) if "state" in way]
    refused = 0
    for way in [way for way in ways for _ in range(times)]:
        try:
            again = read_spec(changed(about, way, chance))
        except ValueError as error:
            refused += 1
            assert "dlkit.json" in str(error)
        else:
            make_preprocessing(again.inputs)
    assert refused > times * len(ways) / 6
    assert build(loaded.config, read_spec(about)).network.count_params()


@pytest.mark.parametrize(
    ("way", "value", "message"),
    [
        ((("inputs", "numbers"), "steps", 0, "values"), [1.0], "1 value for the shape"),
        ((("inputs", "numbers"), "steps", 1, "mean"), [1.0], "not as many as its axis is long"),
        ((("inputs", "numbers"), "steps"), [None], "a state for each step"),
        ((("inputs", "words"), "vocabulary"), [["a", "a", "c"], ["a", "b", "c"]], "not of different values"),
        ((("inputs", "words"), "vocabulary"), [["a", "b", "c"]], "not those of its columns"),
        ((("inputs", "codes"), "vocabulary"), [["3", "4", "5"]], "not of different values of one type"),
        ((("targets", "kind"), "table"), ["x", "y"], "not of 3 different labels"),
        ((("targets", "yes"), "table"), [0, 0], "not of 2 different labels"),
        ((("targets", "tags"), "counts"), [1], "not of 2 classes"),
        ((("targets", "size"), "mean"), [0.0], "not of 2 numbers"),
        ((("targets", "size"), "deviation"), [0.0, 1.0], "greater than 0"),
    ],
)
def test_a_state_that_contradicts_itself_is_named(spec: Spec, way: tuple[Any, ...], value: Any, message: str) -> None:
    about = json.loads(json.dumps(describe(spec)))
    (part, name), *keys = way
    inner = next(record for record in about[part] if record["name"] == name)["state"]
    for key in keys[:-1]:
        inner = inner[key]
    assert inner[keys[-1]] != value
    inner[keys[-1]] = value
    with pytest.raises(ValueError, match=message) as refused:
        read_spec(about)
    assert f"`{name}`" in str(refused.value)
