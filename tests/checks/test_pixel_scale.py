"""The scale of the pixels that a backbone is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.checks.context import make_context
from dlkit.checks.rules import RULES
from dlkit.training.prepare import prepare
from tests.training.helpers import CNN, DATA, load, settings

BACKBONE = {"builder": "cnn", "backbone": {"name": "resnet50", "weights": "none"}}


@pytest.mark.parametrize(
    ("preprocess", "data", "says"),
    [
        (["rescale"], DATA, ""),
        ([{"rescale": {"scale": 1 / 127.5, "offset": -1.0}}], DATA, ""),
        ([{"resize": {"height": 32, "width": 32}}, "rescale"], DATA, ""),
        (["rescale", "normalize"], DATA, "leave out `rescale` and `normalize`"),
        ([], "floats", "write `preprocess: [{rescale: {scale: 255.0}}]`"),
        (["rescale"], "floats", "leave out `rescale`"),
        ([{"rescale": {"scale": 255.0}}], "floats", ""),
    ],
)
def test_a_backbone_takes_pixels_from_0_to_255(preprocess: list[Any], data: Any, says: str) -> None:
    if data == "floats":
        data = {name: ((x / 255).astype(np.float32), y) for name, (x, y) in DATA.items()}
    config = settings(CNN, image={"preprocess": preprocess})
    ready = prepare(load(config), data)
    case = make_context(load({**config, "model": BACKBONE}).config, ready.built, ready.known_splits)
    problems = list(RULES["pixel-scale"](case))
    assert [problem.help.rpartition(", ")[2] for problem in problems] == ([says] if says else [])
    assert all(problem.key == ("data", "inputs", "image", "preprocess") for problem in problems)
    assert not list(RULES["input-scale"](case))
