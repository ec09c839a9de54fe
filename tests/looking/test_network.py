"""A network as a table and as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import keras
import pytest
from keras import layers

import dlkit
from dlkit.looking.graph import svg
from dlkit.looking.network import network

SVG = "{http://www.w3.org/2000/svg}"


def branched() -> keras.Model:
    x = keras.Input((16, 16, 3), name="image")
    y = layers.Conv2D(4, 3, padding="same", name="wide")(x)
    y = layers.Conv2D(3, 1, name="back")(y)
    y = layers.Add(name="sum")([x, y])
    return keras.Model(x, layers.Dense(2, name="a <b>")(layers.Flatten(name="flat")(y)))


def boxes(picture: str) -> dict[str, tuple[float, float, float]]:
    """Left, right and top of each box by its first line."""
    root = ElementTree.fromstring(picture)
    texts = [text for text in root.iter(f"{SVG}text") if text.get("class") is None]
    rects = [tuple(float(rect.attrib[key]) for key in ("x", "width", "y")) for rect in root.iter(f"{SVG}rect")]
    return {str(t.text): (x, x + width, y) for t, (x, width, y) in zip(texts, rects, strict=True)}


def test_boxes_stand_below_what_they_take_and_never_on_each_other() -> None:
    picture = svg(
        {name: (name, "below") for name in "abcdefg"},
        [("a", "b"), ("a", "c"), ("a", "d"), ("b", "e"), ("c", "e"), ("a", "e"), ("e", "f"), ("a", "g")],
        graphviz=False,
    )
    found = boxes(picture)
    assert found["a"][2] < found["b"][2] == found["c"][2] == found["d"][2] == found["g"][2] < found["e"][2]
    assert found["e"][2] < found["f"][2]
    row = sorted(box for name, box in found.items() if name in "bcdg")
    assert all(right < left for (_, right, _), (left, _, _) in pairwise(row))
    root = ElementTree.fromstring(picture)
    assert len(list(root.iter(f"{SVG}path"))) == 8
    width = float(root.attrib["width"])
    assert all(left >= 0 and right <= width for left, right, _ in found.values())


def test_a_model_is_a_table_with_sums_and_a_picture_in_a_notebook() -> None:
    found = dlkit.show(branched())
    text = str(found)
    heads, *lines = text.splitlines()
    assert heads.split() == ["layer", "type", "output", "parameters", "multiply-adds", "sees", "from"]
    assert [line.split()[0] for line in lines[:6]] == ["image", "wide", "back", "sum", "flat", "a"]
    # 16 x 16 positions, 3 x 3 x 3 x 4 and 4 x 3 each; 768 values by 2.
    assert f"{256 * (108 + 12) + 768 * 2:,}" in text
    shown = found._repr_html_()
    assert "&lt;b&gt;" in shown and "<b>" not in shown
    assert set(boxes(shown[shown.index("<svg") :])) >= {"image: InputLayer", "sum: Add", "a <b>: Dense"}


def test_the_settings_of_a_configuration_are_named_and_frozen_weights_are_counted() -> None:
    model = branched()
    model.get_layer("wide").trainable = False
    found = network(model, {"wide": ("model", "blocks", 0)})
    assert found.content["layers"][1]["from"] == "model.blocks.0"
    assert found.content["parameters"] - found.content["trainable"] == 3 * 3 * 3 * 4 + 4
    assert f"{112:,} of the parameters are not trained" in str(found)


def test_a_model_without_a_graph_says_what_to_do() -> None:
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(TypeError, match="no graph of layers"):
        dlkit.show(Subclassed())
