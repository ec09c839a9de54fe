"""Every registered source: it has what it describes, slices partition it, opened twice it is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
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


def table() -> dict[str, list[int]]:
    """A number and a class, and a column that nobody reads."""
    return {"image": IMAGES[:, 0, 0, 0].tolist(), "label": LABELS.tolist(), "other": LABELS.tolist()}


def text_files(folder: Path) -> dict[str, Any]:
    for name, rows in {"train": ROWS, "test": 9}.items():
        lines = [
            ",".join(table()),
            *(",".join(map(str, row)) for row in list(zip(*table().values(), strict=True))[:rows]),
        ]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return {"path": {split: str(folder / f"{split}.csv") for split in ("train", "test")}}


def parquet_files(folder: Path) -> dict[str, Any]:
    for name, rows in {"train": ROWS, "test": 9}.items():
        made = pyarrow.table(table()).slice(0, rows)
        pyarrow.parquet.write_table(made, folder / f"{name}.parquet", write_page_checksum=True)
    return {"path": {split: str(folder / f"{split}.parquet") for split in ("train", "test")}}


def bundled(folder: Path) -> dict[str, Any]:
    return {"name": "mnist"}


def function(folder: Path) -> dict[str, Any]:
    (folder / "made_data.py").write_text(
        "import numpy\ndef make(path):\n    held = numpy.load(path)\n"
        "    return {split: {name: held[f'{name}_{split}'] for name in ('image', 'label', 'other')}\n"
        "            for split in ('train', 'test')}\n"
    )
    return {"function": f"{folder / 'made_data.py'}:make", "arguments": npz(folder)}


def of_sklearn(folder: Path) -> dict[str, Any]:
    return {"name": "digits"}


# How a source of each kind is made, and which of its files can be damaged; none where it ships with dlkit.
SOURCE: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "bundled": (bundled, ""),
    "csv": (text_files, "train.csv"),
    "parquet": (parquet_files, "train.parquet"),
    "npz": (npz, "made.npz"),
    "python": (function, ""),
    "sklearn": (of_sklearn, ""),
    "tfds": (prepared, "made/1.0.0/*train*"),
}
# What is read, where it is not an image and its class.
READ: dict[str, dict[str, Any]] = {
    "csv": {"inputs": {"image": {"kind": "number"}}},
    # Classes are only known when rows are read.
    "parquet": {"inputs": {"image": {"kind": "number"}}, "targets": {"label": {"kind": "number"}}},
    "sklearn": {
        "targets": {"label": {"kind": "category", "column": "target"}},
        "splits": {"train": f"train[:{ROWS}]", "test": "train[-9:]"},
    },
}
SPLITS = {"train": f"train[:{ROWS}]", "test": "test[:9]"}


def data(source: dict[str, Any], **splits: str) -> dict[str, Any]:
    """The data of such a source: an image and its class."""
    inputs, targets = {"image": {"kind": "image"}}, {"label": {"kind": "category"}}
    made = {"source": source, "inputs": inputs, "targets": targets, "batch_size": 8, "splits": SPLITS}
    made |= READ.get(source["kind"], {})
    return made | {"splits": splits} if splits else made


def labels(source: dict[str, Any], train: str) -> list[int]:
    """The labels of a slice, in order."""
    held = load_splits(Data.model_validate(data(source, train=train))).train
    assert isinstance(held, Indexed)
    assert held.arrays is not None
    return list(held.arrays.targets["label"])


@pytest.fixture(params=SOURCES.own_names)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of a source of each kind, whose files are in a folder of this test."""
    make, _ = SOURCE[request.param]
    return {"kind": request.param, **make(tmp_path)}


def test_there_is_an_example_of_every_source() -> None:
    assert set(SOURCE) == set(SOURCES.own_names)


def test_a_source_opened_twice_gives_the_same(source: dict[str, Any]) -> None:
    first, second = (load_splits(Data.model_validate(data(source))) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert set(first.fingerprint) == {"train", "test"}
    assert first.fingerprint["train"] != first.fingerprint["test"]
    assert first.spec == second.spec


def test_slices_are_parts_of_the_whole_in_its_order(source: dict[str, Any]) -> None:
    whole = labels(source, f"train[:{ROWS}]")
    assert labels(source, "train[:7]") + labels(source, f"train[7:{ROWS}]") == whole
    assert labels(source, "train[30:32]+train[3:5]") == whole[30:32] + whole[3:5]


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
    assert set(settings.wanted()) <= set(train)
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
    assert (path.name if "*" not in damaged else str(path.parent)) in str(refused.value)


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
