"""`builder: attention`: padding changes nothing, the order counts, and what does not fit is refused at its setting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import ConfigError
from dlkit.data.bound import Spec, bound
from dlkit.models.build import BuiltModel, build
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from tests.conformance.test_builders import PREPARED
from tests.conformance.test_builders import built as over

LENGTHS = np.array([9, 4, 7])
RAW = np.where(np.arange(9)[:, None] < LENGTHS[:, None, None], np.random.default_rng(0).normal(size=(3, 9, 2)), np.nan)
RAW = RAW.astype("float32")
SMALL = {"builder": "attention", "blocks": 2, "width": 6, "heads": 3}


def built(shape: tuple[int, ...] = (9, 2), kind: str = "sequence", **model: Any) -> BuiltModel:
    data = {"inputs": {"x": {"kind": kind, "preprocess": []}}, "targets": {"y": {"kind": "category"}}}
    config = from_mapping({"name": "t", "data": data, "model": {**SMALL, **model}}, needs_source=False).config
    x = Feature("x", kind, shape, "float32", ragged=kind == "sequence")
    y = Feature("y", "category", (), "int32", ("a", "b", "c"))
    return build(config, bound(Spec({"x": x}, {"y": y}), config.data))


@pytest.mark.parametrize("pooling", ["average", "max", "attention"])
def test_padding_changes_no_result(pooling: str) -> None:
    model = built(pooling=pooling).model
    expected = np.asarray(model(RAW))
    for row, length in enumerate(LENGTHS):
        # A shorter network has the positions that it needs.
        short = built((int(length), 2), pooling=pooling).model
        short.set_weights([w[:length] if w.shape == (9, 6) else w for w in model.get_weights()])
        np.testing.assert_allclose(short(RAW[row : row + 1, :length]), expected[row : row + 1], atol=1e-5)
    assert np.isfinite(np.asarray(model(np.full((1, 9, 2), np.nan, "float32")))).all()


def test_the_order_of_words_counts_and_padding_after_them_does_not() -> None:
    network = over({**SMALL}, "text").network
    ids = PREPARED["text"]
    found = np.asarray(network(ids))
    assert np.abs(np.asarray(network(ids[:, ::-1])) - found).max() > 1e-4
    inner = network.get_layer("text_embedding")
    weights = inner.get_weights()[0]
    weights[0] += 1  # what stands for padding
    inner.set_weights([weights])
    np.testing.assert_allclose(network(ids), found, atol=1e-6)


def test_layers_come_from_their_settings_and_learn() -> None:
    made = built()
    names = {"positions": (), "width": ("width",), "block_2_attention": (), "block_1_dense_2": ()}
    assert {name: made.origins[name] for name in names} == {name: ("model", *key) for name, key in names.items()}
    assert made.network.get_layer("positions").embeddings.trainable
    assert len(made.network.trainable_weights) == len(made.network.weights)


@pytest.mark.parametrize(
    ("model", "shape", "key", "says"),
    [
        ({"heads": 4}, (8, 8, 1), "heads", "write `heads: 3`"),
        ({"width": -6}, (8, 8, 1), "width", ""),
        ({"patch": 9}, (12, 8, 1), "patch", "9 x 9 does not fit an image of 12 x 8"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_setting(
    model: dict[str, Any], shape: tuple[int, ...], key: str, says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        built(shape, "image", **model)
    (problem,) = refused.value.problems
    assert problem.key == ("model", key) and says in f"{problem.message} {problem.help}"
