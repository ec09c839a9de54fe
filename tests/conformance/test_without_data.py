"""Every registered kind without data: the settings suffice for a model, or the message says what they have to state."""

from __future__ import annotations

from typing import Any

import pytest

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.input import INPUTS
from dlkit.schema.loader import from_mapping
from dlkit.schema.target import TARGETS
from dlkit.training.prepare import prepare

# What says how large an example is, for each kind; a kind without an entry fails here.
SIZES: dict[str, tuple[str, Any]] = {
    "audio": ("seconds", 1.0),
    "image": ("shape", [28, 28, 3]),
    "number": ("shape", [4]),
    "sequence": ("shape", [6, 2]),
    "category": ("shape", [1]),
    "text": ("shape", [1]),
}
INPUT: dict[str, Any] = {"kind": "number", "shape": [4]}
# What the messages of targets propose.
STATED: dict[str, dict[str, Any]] = {"classes:": {"classes": ["a", "b"]}, "columns:": {"columns": ["u", "v"]}}


def problems_of(input: dict[str, Any], target: dict[str, Any], builder: str = "mlp") -> list[Problem]:
    """What keeps a model from being built where the source says nothing."""
    data = {"source": {"kind": "npz", "path": "unread.npz"}, "inputs": {"x": input}, "targets": {"y": target}}
    loaded = from_mapping({"name": "t", "data": data, "model": {"builder": builder}})
    try:
        prepare(loaded, use_data=False)
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize("kind", INPUTS.own_names)
def test_an_input_says_what_helps_and_that_helps(kind: str) -> None:
    builder = INPUTS[kind].usual_builder
    (problem,) = problems_of({"kind": kind}, {"kind": "binary"}, builder)
    assert (problem.code, problem.key) == ("spec-unknown", ("data", "inputs", "x"))
    setting, size = SIZES[kind]
    stated = problems_of({"kind": kind, setting: size}, {"kind": "binary"}, builder)
    assert (f"`{setting}:`" in problem.help) == (stated == [])
    assert "check without --no-data" in problem.help


@pytest.mark.parametrize("kind", TARGETS.own_names)
def test_a_target_needs_nothing_or_says_what_helps(kind: str) -> None:
    for columns in ({}, {"columns": "y_*"}):
        for problem in problems_of(INPUT, {"kind": kind, **columns}):
            assert (problem.code, problem.key) == ("spec-unknown", ("data", "targets", "y"))
            (stated,) = [settings for word, settings in STATED.items() if f"`{word}`" in problem.help]
            assert problems_of(INPUT, {"kind": kind, **columns, **stated}) == []
