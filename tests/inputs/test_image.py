"""What `kind: image` makes of image files, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.inputs.image import ImageInput
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import SourceField

RESIZE = {"resize": {"height": 8, "width": 6}}
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)


def image(**settings: Any) -> ImageInput:
    """The settings of an input."""
    return ImageInput.model_validate({"kind": "image", **settings})


def files(*shape: int | None, decoded: str = "") -> SourceField:
    """A column of paths of image files."""
    return SourceField(shape or None, "string", encoding="image", decoded=decoded)


def refused(settings: ImageInput, column: SourceField) -> Problem:
    """Why a column is refused."""
    with pytest.raises(ConfigError) as error:
        settings.feature("x", column)
    return error.value.problems[0]


def png(path: Path, array: np.ndarray) -> str:
    """The path of a file with these pixels."""
    Image.fromarray(array).save(path)
    return str(path)


@pytest.mark.parametrize(
    ("settings", "column", "shape", "dtype"),
    [
        ({}, files(12, 9, 3), (12, 9, 3), "uint8"),
        ({}, files(12, 9, 1), (12, 9, 1), "uint8"),
        ({"channels": 3}, files(12, 9, 1), (12, 9, 3), "uint8"),
        ({"channels": 1, "preprocess": [RESIZE]}, files(None, None, 3), (None, None, 1), "uint8"),
        ({"preprocess": [RESIZE, "rescale"]}, files(), (None, None, 3), "uint8"),
        ({"shape": [12, 9, 1]}, files(), (12, 9, 1), "uint8"),
        ({"preprocess": ["normalize"]}, files(12, 9, 1, decoded="uint16"), (12, 9, 1), "uint16"),
        ({"bits": 8}, files(12, 9, 1, decoded="uint16"), (12, 9, 1), "uint8"),
        ({"bits": 16, "preprocess": []}, files(12, 9, 3), (12, 9, 3), "uint16"),
        ({"bits": 16}, SourceField((12, 9, 3), "uint16"), (12, 9, 3), "uint16"),
    ],
)
def test_what_files_are_decoded_to(settings: Any, column: SourceField, shape: Any, dtype: str) -> None:
    feature = image(**settings).feature("x", column)
    assert (feature.shape, feature.dtype) == (shape, dtype)


def test_files_of_several_sizes_need_a_step_that_gives_them_one_and_the_message_has_the_line() -> None:
    problem = refused(image(), files(None, None, 3))
    assert problem.code == "image-sizes"
    assert "preprocess: [{resize: {height: 128, width: 128}}, rescale]" in problem.help
    assert problem.key == ("data", "inputs", "x", "preprocess")
    assert refused(image(), files(None, 9, 3)).code == "image-sizes"
    assert refused(image(shape=[None, None, 3], preprocess=[]), files()).code == "image-sizes"


def test_sixteen_bits_need_another_scale_than_eight() -> None:
    problem = refused(image(), files(12, 9, 1, decoded="uint16"))
    assert problem.code == "image-depth"
    assert "preprocess: [normalize]" in problem.help


def test_settings_of_files_are_refused_where_arrays_contradict_them() -> None:
    assert refused(image(channels=1), SourceField((4, 4, 3), "uint8")).key == ("data", "inputs", "x", "channels")
    assert refused(image(bits=16), SourceField((4, 4, 3), "uint8")).key == ("data", "inputs", "x", "bits")
    assert refused(image(shape=[None, None, 7]), files(4, 4, None)).key == ("data", "inputs", "x", "shape")
    assert refused(image(shape=[5, None, 3]), files(4, 4, 3)).code == "shape-mismatch"
    data = {"inputs": {"x": {"kind": "image", "shape": [4, 4, 3], "channels": 1}}, "targets": {"y": {"kind": "binary"}}}
    with pytest.raises(ConfigError, match="`shape` says 3 channels"):
        from_mapping({"name": "t", "data": data, "model": {"builder": "cnn"}}, needs_source=False)


def test_a_path_and_its_content_are_decoded_to_the_same(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", PIXELS)
    feature = image().feature("x", files(12, 9, 3))
    for stored in (path, Path(path).read_bytes()):
        found = image().decode(stored, feature)
        np.testing.assert_array_equal(found, PIXELS)
        assert (found.shape, found.dtype) == (feature.shape, feature.dtype)


@pytest.mark.parametrize(("background", "expected"), [("white", 255), ("black", 0), ([7, 7, 7], 7)])
def test_the_background_is_a_setting(background: Any, expected: int, tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", np.dstack([PIXELS, np.zeros((12, 9), np.uint8)]))
    settings = image(background=background)
    assert set(np.unique(settings.decode(path, settings.feature("x", files(12, 9, 3))))) == {expected}
    assert set(np.unique(settings.from_file(Path(path), Feature("x", "image", (12, 9, 3), "uint8")))) == {expected}


def test_twelve_bits_are_decoded_with_all_their_levels(tmp_path: Path) -> None:
    deep = np.arange(0, 4096, 8, dtype=np.uint16).reshape(16, 32)
    settings = image(preprocess=["normalize"])
    feature = settings.feature("x", files(16, 32, 1, decoded="uint16"))
    path = png(tmp_path / "a.png", deep)
    np.testing.assert_array_equal(settings.decode(path, feature)[..., 0], deep)
    np.testing.assert_array_equal(settings.from_file(Path(path), feature)[..., 0], deep)


def test_what_cannot_be_decoded_is_refused_by_its_reason_alone(tmp_path: Path) -> None:
    feature = image().feature("x", files(12, 9, 3))
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "empty.png").touch()
    other = png(tmp_path / "other.png", PIXELS[:5])
    for stored, why in (
        (other, "it is 5 x 9, and 12 x 9 is expected"),
        (str(tmp_path / "none.png"), "it cannot be read \\(No such file"),
        (str(tmp_path / "empty.png"), "it is empty"),
        (str(tmp_path / "pipe.png"), "it is no ordinary file"),
        (str(tmp_path), "."),
    ):
        with pytest.raises(ValueError, match=why) as error:
            image().decode(stored, feature)
        assert str(tmp_path) not in str(error.value)


def test_predict_resizes_a_file_as_the_step_would_and_only_where_it_has_to(tmp_path: Path) -> None:
    path = Path(png(tmp_path / "a.png", PIXELS))
    settings = image(preprocess=[RESIZE])
    whole = settings.from_file(path, settings.feature("x", files(None, None, 3)))
    np.testing.assert_array_equal(whole, PIXELS)
    fixed = settings.from_file(path, Feature("x", "image", (6, 5, 3), "uint8"))
    expected = np.asarray(Image.fromarray(PIXELS).resize((5, 6), Image.Resampling.BILINEAR))
    assert fixed.dtype == np.uint8
    assert np.abs(fixed.astype(int) - expected).max() <= 1
    with pytest.raises(RunError, match="the image is 12 x 9, the model takes 6 x 5"):
        image().from_file(path, Feature("x", "image", (6, 5, 3), "uint8"))


def test_a_photo_that_is_turned_is_of_the_size_that_viewers_show(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=exif, quality=95)
    assert tf.io.decode_jpeg((tmp_path / "a.jpg").read_bytes()).shape == (12, 9, 3)
    settings = image()
    assert settings.decode(str(tmp_path / "a.jpg"), settings.feature("x", files(9, 12, 3))).shape == (9, 12, 3)
