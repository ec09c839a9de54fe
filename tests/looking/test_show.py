"""Pictures and tables of what the network is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.config.problems import ConfigError
from dlkit.looking.picture import draw, save
from dlkit.training.look import look
from tests.looking import data


@pytest.mark.parametrize("kind", ["npz", "image_folder", "series"])
def test_pictures_are_not_blank(tmp_path: Path, kind: str) -> None:
    figure = dlkit.show(data.ALL[kind](tmp_path), count=5)
    assert figure is not None
    figure.savefig(tmp_path / "x.png")
    assert data.colours(tmp_path / "x.png") > 10


def test_what_is_shown_is_what_training_is_given(tmp_path: Path) -> None:
    config = dlkit.load_config(data.npz(tmp_path)).config
    found = look(config, count=4)
    assert list(found.stages("image")) == ["raw", "prepared", "augmented"]
    np.testing.assert_allclose(found.prepared["image"], found.raw["image"] / 255, atol=1e-6)
    assert not np.array_equal(found.augmented["image"], found.prepared["image"])
    again = look(config, count=4)
    np.testing.assert_array_equal(again.augmented["image"], found.augmented["image"])
    assert list(look(config, split="test", count=4).stages("image")) == ["raw", "prepared"]
    titles = [axes.get_title() for axes in draw(found).axes]
    assert set(titles) <= {"cat", "dog", "owl", ""} and sum(map(bool, titles)) == 4


def test_a_forecast_continues_what_is_seen(tmp_path: Path) -> None:
    found = look(dlkit.load_config(data.series(tmp_path)).config, count=2)
    past, future = draw(found).axes[0].lines
    assert list(past.get_xdata()) == list(range(12)) and list(future.get_xdata()) == list(range(12, 18))
    assert past.get_color() != future.get_color()


def test_a_sound_has_room_for_the_figures_of_its_wave(tmp_path: Path) -> None:
    steps = [{"log_mel": {"bins": 8, "as_image": True}}]
    config = {
        "name": "sounds",
        "data": {
            "inputs": {"x": {"kind": "audio", "rate": 1000, "preprocess": steps}},
            "targets": {"y": {"kind": "binary"}},
        },
        "model": {"builder": "cnn", "blocks": [{"filters": 2}]},
    }
    sounds = np.random.default_rng(0).uniform(-1, 1, (20, 800)).astype("float32")
    figure = dlkit.show(config, data=(sounds, np.arange(20) % 2), count=2)
    assert figure is not None
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert figure.bbox.containsx(axes.get_tightbbox().x0), "nothing is cut off at the left"
    left, right = sorted(figure.axes[:2], key=lambda axes: axes.bbox.x0)
    assert left.get_tightbbox().x1 < right.get_tightbbox().x0


@pytest.mark.parametrize(("kind", "words"), [("csv", "age"), ("texts", "film")])
def test_what_makes_no_picture_is_a_table(
    tmp_path: Path, kind: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dlkit.show(data.ALL[kind](tmp_path)) is None
    shown = capsys.readouterr().out
    assert words in shown and "→" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_stream(tmp_path: Path) -> None:
    config: dict[str, Any] = {
        "name": "given",
        "data": {"inputs": {"x": {"kind": "image"}}, "targets": {"y": {"kind": "category", "classes": 2}}},
        "model": {"builder": "cnn", "blocks": [{"filters": 2, "kernel_size": 3}]},
    }
    x, y = np.random.default_rng(0).integers(0, 256, (20, 9, 9, 1)).astype("uint8"), np.arange(20) % 2
    figure = dlkit.show(config, data=tf.data.Dataset.from_tensor_slices((x, y)), count=3)
    assert figure is not None and len(figure.axes) == 6


def test_a_split_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no validation split"):
        dlkit.show(data.npz(tmp_path), split="validation")


def test_names_of_classes_are_drawn_as_they_are_written(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path = data.npz(tmp_path)
    config = dlkit.load_config(path, {"data.targets.label.classes": ["$5 to $", "猫", "a_b^{"]}).config
    figure = draw(look(config, count=9))
    save(figure, tmp_path / "x.png")
    assert {axes.get_title() for axes in figure.axes} == {"$5 to $", "猫", "a_b^{", ""}
    assert not [one for one in recwarn if "Glyph" in str(one.message)]
