"""Every registered source: it has what it describes, slices partition it, opened twice it is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds

import dlkit
from dlkit.config.problems import RunError
from dlkit.data.contract import Indexed
from dlkit.data.load import load_spec, load_splits
from dlkit.schema.data import Data
from dlkit.schema.source import SOURCES
from dlkit.training import chunk
from dlkit.training.interrupts import Interrupted
from tests.training.helpers import InterruptAt, state_digest

ROWS = 40
IMAGES = np.random.default_rng(0).integers(0, 256, (ROWS, 5, 4, 3)).astype("uint8")
LABELS = np.arange(ROWS) % 3


def npz(folder: Path) -> dict[str, Any]:
    np.savez(folder / "made.npz", image_train=IMAGES, label_train=LABELS, other_train=LABELS, image_test=IMAGES[:9],
             label_test=LABELS[:9], other_test=LABELS[:9])  # fmt: skip
    return {"path": str(folder / "made.npz")}


def prepared(folder: Path) -> dict[str, Any]:
    def rows(count: int) -> list[Any]:
        return [(n, {"image": IMAGES[n], "label": int(LABELS[n]), "other": int(LABELS[n])}) for n in range(count)]

    label = tfds.features.ClassLabel(names=["a", "b", "c"])
    tfds.dataset_builders.store_as_tfds_dataset(
        name="made",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {"image": tfds.features.Image(shape=(5, 4, 3)), "label": label, "other": np.int64}
        ),
        split_datasets={"train": rows(ROWS), "test": rows(9)},
        data_dir=folder,
    )
    return {"name": "made", "data_dir": str(folder)}


def bundled(folder: Path) -> dict[str, Any]:
    return {"name": "mnist"}


# How a source of each kind is made, and which of its files can be damaged; none where it ships with dlkit.
SOURCE: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "bundled": (bundled, ""),
    "npz": (npz, "made.npz"),
    "tfds": (prepared, "made/1.0.0/*train*"),
}
# Sources of files that a kind has to decode, tested in files of their own.
DECODED = {"audio_folder"}
SPLITS = {"train": f"train[:{ROWS}]", "test": "test[:9]"}


def data(source: dict[str, Any], **splits: str) -> dict[str, Any]:
    """The data of such a source: an image and its class."""
    inputs, targets = {"image": {"kind": "image"}}, {"label": {"kind": "category"}}
    return {"source": source, "inputs": inputs, "targets": targets, "batch_size": 8, "splits": splits or SPLITS}


def labels(source: dict[str, Any], train: str) -> list[int]:
    """The labels of a slice, in order."""
    held = load_splits(Data.model_validate(data(source, train=train))).train
    assert isinstance(held, Indexed)
    assert held.arrays is not None
    return list(held.arrays.targets["label"])


@pytest.fixture(params=[name for name in SOURCES.own_names if name not in DECODED])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of a source of each kind, whose files are in a folder of this test."""
    make, _ = SOURCE[request.param]
    return {"kind": request.param, **make(tmp_path)}


def test_there_is_an_example_of_every_source() -> None:
    assert set(SOURCE) | DECODED == set(SOURCES.own_names)


def test_a_source_opened_twice_gives_the_same(source: dict[str, Any]) -> None:
    first, second = (load_splits(Data.model_validate(data(source))) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert set(first.fingerprint) == {"train", "test"}
    assert first.fingerprint["train"] != first.fingerprint["test"]
    assert first.spec == second.spec


def test_slices_are_parts_of_the_whole_in_its_order(source: dict[str, Any]) -> None:
    whole = labels(source, f"train[:{ROWS}]")
    assert labels(source, "train[:7]") + labels(source, f"train[7:{ROWS}]") == whole
    assert labels(source, "test[:2]+train[3:5]") == labels(source, "test[:2]") + whole[3:5]


def test_what_a_source_describes_is_what_it_has(source: dict[str, Any]) -> None:
    settings = Data.model_validate(data(source))
    described, read = load_spec(settings), load_splits(settings).spec
    if described is None:
        assert settings.source is not None
        assert settings.source.describe() is None
        return
    assert described.sizes == read.sizes
    for name in ("image", "label"):
        ours, theirs = {**described.inputs, **described.targets}[name], {**read.inputs, **read.targets}[name]
        assert (ours.kind, ours.shape, ours.dtype) == (theirs.kind, theirs.shape, theirs.dtype)


def test_columns_that_nobody_asked_for_are_not_needed(source: dict[str, Any]) -> None:
    settings = Data.model_validate(data(source))
    assert settings.source is not None
    opened = settings.source.open(settings.wanted())
    assert opened.arrays is not None
    train = opened.arrays("train")
    assert {"image", "label"} <= set(train)
    assert {len(values) for values in train.values()} == {opened.sizes["train"]}


@pytest.mark.parametrize("kind", [kind for kind, (_, damaged) in SOURCE.items() if damaged])
def test_a_damaged_file_is_named(kind: str, tmp_path: Path) -> None:
    make, damaged = SOURCE[kind]
    settings = Data.model_validate(data({"kind": kind, **make(tmp_path)}))
    (path,) = tmp_path.glob(damaged)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(RunError) as refused:
        load_splits(settings)
    assert refused.value.problems[0].code == "damaged-data"
    assert (str(path if "*" not in damaged else path.parent)) in str(refused.value)


def test_a_run_on_a_source_resumes_to_the_same_bits(source: dict[str, Any], tmp_path: Path) -> None:
    config = {"name": "small", "data": data(source), "model": {"builder": "mlp"}, "training": {"epochs": 2}}
    config["runtime"] = {"compile": "graph"}
    whole = dlkit.train(config, runs_folder=tmp_path / "whole", verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunk, "FIRST_CHUNK", 1)
        patch.setattr(chunk, "CHUNK_SECONDS", 0.0)
        with pytest.raises(Interrupted):
            dlkit.train(config, runs_folder=tmp_path / "cut", listener=InterruptAt(7))
        cut = (tmp_path / "cut" / "small" / "latest").resolve()
        dlkit.load_run(cut).resume(verbose=False)
    assert state_digest(cut) == state_digest(whole.folder)
