"""`builder: bag`: texts as sums of the embeddings of their words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import ConfigError
from dlkit.schema.loader import Loaded, from_mapping
from tests.conformance.test_builders import PREPARED, TERMS, built

# The last text has no words.
IDS = np.concatenate([PREPARED["text"], [[0] * 4]])


def loaded(text: dict[str, Any] | None = None, **model: Any) -> Loaded:
    data = {"inputs": {"x": {"kind": "text", **(text or {})}}, "targets": {"y": {"kind": "binary"}}}
    return from_mapping({"name": "t", "data": data, "model": {"builder": "bag", **model}}, needs_source=False)


@pytest.mark.parametrize("weights", ["mean", "sum", "tf_idf"])
def test_a_text_is_the_sum_of_its_words_in_any_order(weights: str) -> None:
    network = built({"builder": "bag", "weights": weights}, "text").network
    words = network.get_layer("text_embedding").get_weights()[0][IDS] * (IDS > 0)[..., None]
    share = np.ones(IDS.shape)
    if weights == "mean":
        share = share / np.maximum((IDS > 0).sum(axis=1, keepdims=True), 1)
    if weights == "tf_idf":
        seen = np.array([1, 1, *TERMS["counts"]])
        share = np.where(IDS > 0, 1 + np.log(7 / (1 + seen))[IDS], 0)
        share /= np.sqrt(np.maximum((share**2).sum(axis=1, keepdims=True), 1))
    kernel, bias = network.layers[-1].get_weights()
    expected = (words * share[..., None]).sum(axis=1) @ kernel + bias
    np.testing.assert_allclose(network(IDS), expected, atol=1e-5)
    np.testing.assert_allclose(network(IDS[:, ::-1]), expected, atol=1e-5)


def test_the_rarity_of_words_is_kept_as_it_is() -> None:
    made = built({"builder": "bag", "weights": "tf_idf", "dense": [3]}, "text")
    assert made.origins["text_idf"] == ("model", "weights")
    assert [v.path.split("/")[0] for v in made.network.non_trainable_weights] == ["text_idf"]
    # Plain Keras makes the network again of its settings.
    again = type(made.network).from_config(made.network.get_config())
    again.set_weights(made.network.get_weights())
    np.testing.assert_array_equal(again(IDS), made.network(IDS))


def test_groups_of_words_are_for_bags() -> None:
    assert not loaded({"ngrams": 2}).warnings


def test_a_bag_needs_a_text() -> None:
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "binary"}}}
    with pytest.raises(ConfigError) as refused:
        from_mapping({"name": "t", "data": data, "model": {"builder": "bag"}}, needs_source=False)
    (problem,) = refused.value.problems
    assert problem.key == ("model", "builder") and "needs a text" in problem.message
    with pytest.raises(ConfigError) as refused:
        loaded(weights="tfidf")
    assert refused.value.problems[0].key == ("model", "weights")
