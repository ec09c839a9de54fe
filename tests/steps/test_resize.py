"""Images are resized as Pillow resizes them, and stay what they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dlkit.data.preprocessing import apply_layers
from dlkit.schema.features import Encoding
from dlkit.steps.resize import Resize

RANDOM = np.random.default_rng(0)


def layers(height: int, width: int, **settings: Any) -> list[Any]:
    """The layers of a step."""
    return [Resize(step="resize", height=height, width=width, **settings).layer(None)]


def photo(height: int, width: int) -> np.ndarray:
    """A smooth picture."""
    few = RANDOM.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8)
    return np.asarray(Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", [(64, 64), (33, 50), (16, 20)])
@pytest.mark.parametrize("before", [(224, 224), (427, 640), (37, 53), (16, 20), (9, 300)])
def test_shrunk_and_enlarged_images_are_pillows_to_one_of_255(before: tuple[int, int], size: tuple[int, int]) -> None:
    for image in (photo(*before), RANDOM.integers(0, 256, (*before, 3), np.uint8)):
        expected = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
        found = np.asarray(apply_layers(layers(*size), image[np.newaxis]))[0]
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - expected).max() <= 1


WAYS: list[dict[str, Any]] = [
    *({"interpolation": word} for word in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5")),
    {"crop_to_aspect_ratio": True},
    {"pad_to_aspect_ratio": True},
]


# Every way with one type, and every type with one way, which goes beyond the range of its pixels.
@pytest.mark.parametrize(
    ("dtype", "settings"),
    [
        pytest.param(d, way, marks=() if d == "uint8" or way == {"interpolation": "bicubic"} else pytest.mark.slow)
        for d in ("uint8", "uint16", "float32")
        for way in WAYS
    ],
    ids=str,
)
def test_the_type_stays_and_no_pixel_overflows_in_arrays_pipelines_and_models(
    dtype: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    scale = 257 if dtype == "uint16" else 1
    images = (RANDOM.choice([0, 255], (6, 21, 17, 3)) * scale).astype(dtype)
    step = layers(30, 9, **settings)
    found = np.asarray(apply_layers(step, images))
    exact = np.asarray(keras.layers.Resizing(30, 9, antialias=True, **settings)(images.astype("float32")))
    expected = exact if dtype == "float32" else np.clip(np.round(exact), 0, 255 * scale)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == dtype
    rows = tf.data.Dataset.from_tensor_slices(images).map(lambda x: apply_layers(step, x[tf.newaxis])[0])
    np.testing.assert_array_equal(np.stack(list(rows.as_numpy_iterator())), found)
    inputs = keras.Input((None, None, 3), dtype=dtype)
    outputs = apply_layers(step, inputs)
    assert outputs.dtype == dtype
    keras.Model(inputs, outputs).save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")(images)
    np.testing.assert_array_equal(again, found)
    promised = Resize(step="resize", height=30, width=9).encoding(Encoding((21, 17, 3), dtype))
    assert (promised.shape, promised.dtype) == (found.shape[1:], found.dtype.name)


def test_without_antialias_pixels_between_the_new_ones_are_left_out() -> None:
    image = np.zeros((1, 64, 64, 1), np.uint8)
    image[:, ::8] = 255
    assert np.asarray(apply_layers(layers(8, 8), image)).min() > 0
    assert np.asarray(apply_layers(layers(8, 8, antialias=False), image)).max() == 0
