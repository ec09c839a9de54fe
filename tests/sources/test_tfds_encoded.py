"""Sets of TFDS's whose images, sounds and texts are held as they are stored, or are a stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

import dlkit
from dlkit.config.problems import ConfigError
from dlkit.data.contract import Rows, Stream
from dlkit.data.load import load_spec, load_splits
from dlkit.schema.data import Data
from dlkit.sources import _tfds_columns as module
from tests.quick import ALONE
from tests.sources.shades import problem_of, settings
from tests.training.helpers import state_digest

RESIZED = {"image": {"kind": "image", "preprocess": [{"resize": {"height": 8, "width": 8}}, "rescale"]}}
COUNT = 24


def pixels(n: int, *, height: int | None = None) -> np.ndarray:
    """An image of noise; one colour where a height is given."""
    if height is not None:
        return np.full((height, 6, 3), 9 * n, np.uint8)
    return np.random.default_rng(n).integers(0, 256, (8 + n % 5, 6, 3)).astype("uint8")


def store(folder: Path, features: dict[str, Any], examples: list[dict[str, Any]]) -> Path:
    """A prepared set `made`."""
    split = list(enumerate(examples))
    tfds.dataset_builders.store_as_tfds_dataset(
        name="made", version="1.0.0", features=tfds.features.FeaturesDict(features),
        split_datasets={"train": split, "test": split[:5]}, data_dir=folder,
    )  # fmt: skip
    return folder


def pictures(folder: Path, size: int | None = None) -> Path:
    """A set of images, whose heights differ where no size is given."""
    shape = (size, 6 if size else None, 3)
    features = {"image": tfds.features.Image(shape=shape), "label": tfds.features.ClassLabel(names=["a", "b"])}
    return store(folder, features, [{"image": pixels(n, height=size), "label": n % 2} for n in range(COUNT)])


def test_images_that_differ_in_size_are_held_as_they_are_encoded(tmp_path: Path) -> None:
    splits = load_splits(settings("made", pictures(tmp_path), inputs=RESIZED))
    split = splits.train
    assert isinstance(split, Rows) and split.make is not None and splits.notes == ()
    assert splits.spec.inputs["image"].shape == (None, None, 3)
    batch = split.read(np.arange(COUNT))
    expected = {pixels(n).tobytes() for n in range(COUNT)}
    assert {image.tobytes() for image in batch.inputs["image"]} == expected
    assert batch.inputs["image"].dtype == object
    described = load_spec(settings("made", tmp_path, inputs=RESIZED))
    assert described is not None and described.inputs["image"].feature == splits.spec.inputs["image"].feature


def test_images_that_differ_in_size_need_one(tmp_path: Path) -> None:
    assert problem_of(ConfigError, settings("made", pictures(tmp_path))).code == "image-sizes"


def test_images_of_one_size_that_are_too_large_are_held_as_they_are_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures(tmp_path, 64)
    held = load_splits(settings("made", folder)).train
    info = tfds.builder("made", data_dir=folder).info
    monkeypatch.setattr(
        module, "MEMORY_LIMIT", sum(split.num_bytes for split in info.splits.values()) + 9 * (COUNT + 5)
    )
    assert module.MEMORY_LIMIT < 64 * 6 * 3 * (COUNT + 5)
    encoded = load_splits(settings("made", folder)).train
    assert isinstance(held, Rows) and isinstance(encoded, Rows)
    assert held.make is None and encoded.make is not None
    rows = np.arange(COUNT)
    assert (encoded.read(rows).inputs["image"] == held.read(rows).inputs["image"]).all()


def test_what_is_too_large_is_a_stream_of_the_same_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings("made", pictures(tmp_path), inputs=RESIZED)
    held = load_splits(given).train
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    splits = load_splits(given)
    assert isinstance(held, Rows) and isinstance(splits.train, Stream)
    assert "made:1.0.0 is read from its files in every epoch, since it takes" in splits.notes[0]
    images = held.read(np.arange(COUNT)).inputs["image"]
    streamed = [x["image"] for x, *_ in splits.train.make(0, -1).as_numpy_iterator()]
    assert all((one == two).all() for one, two in zip(streamed, images, strict=True))


def test_a_stream_of_images_that_differ_in_size_trains_and_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    data = settings("made", pictures(tmp_path / "sets"), inputs=RESIZED, batch_size=8)
    config = {"name": "p", "data": data.model_dump(exclude_unset=True), "model": {"builder": "mlp"},
              "training": {"epochs": 1, **ALONE}, "runtime": {"compile": "graph"}}  # fmt: skip
    run = dlkit.train(config, runs_folder=tmp_path / "runs", verbose=False)
    assert run.evaluate() == pytest.approx(run.test, rel=1e-5)


@pytest.fixture(scope="module")
def of_memory(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A set that is prepared, and what a run has learned that keeps its images in memory."""
    sets = pictures(tmp_path_factory.mktemp("sets"))
    return sets, kept(sets, "memory", tmp_path_factory.mktemp("memory"))


def kept(sets: Path, cache: str, runs: Path) -> str:
    """What a run of two epochs has learned."""
    data = settings("made", sets, inputs=RESIZED, batch_size=8, cache=cache)
    config = {"name": "p", "data": data.model_dump(exclude_unset=True), "model": {"builder": "mlp"},
              "training": {"epochs": 2, **ALONE},
              "runtime": {"compile": "graph"}}  # fmt: skip
    return state_digest(dlkit.train(config, runs_folder=runs, verbose=False).folder)


@pytest.mark.parametrize("cache", [pytest.param("disk", marks=pytest.mark.slow), "off"])
def test_the_store_changes_no_bit(cache: str, of_memory: tuple[Path, str], tmp_path: Path) -> None:
    sets, expected = of_memory
    assert kept(sets, cache, tmp_path) == expected


def test_texts_are_held(tmp_path: Path) -> None:
    features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}
    store(tmp_path, features, [{"text": f"é {n}", "label": n % 2} for n in range(COUNT)])
    split = load_splits(settings("made", tmp_path, inputs={"text": {"kind": "text", "min_count": 1}})).train
    assert isinstance(split, Rows)
    assert sorted(split.held.inputs["text"].tolist()) == sorted(f"é {n}" for n in range(COUNT))


def test_sounds_that_are_stored_as_files_go_to_their_kind(tmp_path: Path) -> None:
    sounds = []
    for n in range(COUNT):
        soundfile.write(tmp_path / f"{n}.wav", np.sin(np.arange(160) * (n + 1) / 40), 16_000)
        sounds.append({"audio": tmp_path / f"{n}.wav", "label": n % 2})
    features = {
        "audio": tfds.features.Audio(file_format="wav", lazy_decode=True),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    store(tmp_path / "sets", features, sounds)
    split = load_splits(settings("made", tmp_path / "sets", inputs={"audio": {"kind": "audio"}})).train
    assert isinstance(split, Rows) and split.make is not None
    found = split.read(np.arange(COUNT)).inputs["audio"]
    assert found.shape == (COUNT, 160) and np.abs(found).max() > 0.9


def test_lists_of_unequal_length_stay_a_stream(tmp_path: Path) -> None:
    features = {"x": tfds.features.Tensor(shape=(None, 2), dtype=np.float32), "label": np.int64}
    store(tmp_path, features, [{"x": np.zeros((n + 1, 2), np.float32), "label": n} for n in range(4)])
    inputs = {"x": {"kind": "sequence", "length": 4}}
    splits = load_splits(Data.model_validate({"source": {"kind": "tfds", "name": "made", "data_dir": str(tmp_path)},
        "inputs": inputs, "targets": {"label": {"kind": "number"}}}))  # fmt: skip
    assert isinstance(splits.train, Stream)
    assert "since its examples differ in shape" in splits.notes[0]
