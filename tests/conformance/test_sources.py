"""Every registered source: it has what it describes, slices partition it, opened twice it is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
import tensorflow_datasets as tfds
from PIL import Image

import dlkit
from dlkit.config.problems import RunError
from dlkit.data.contract import Rows
from dlkit.data.load import load_spec, load_splits
from dlkit.data.prepare import fit_and_stage
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


def image_folder(folder: Path) -> dict[str, Any]:
    for split, count in (("train", ROWS), ("test", 9)):
        for n in range(count):
            (folder / split / "abc"[LABELS[n]]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(IMAGES[n]).save(folder / split / "abc"[LABELS[n]] / f"{n}.png")
    return {"path": str(folder)}


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


def series(folder: Path) -> dict[str, Any]:
    rows = "".join(f"{row},{value:.3f}\n" for row, value in enumerate(np.sin(np.arange(60))))
    (folder / "made.csv").write_text(f"time,value\n{rows}", encoding="utf-8")
    return {"path": str(folder / "made.csv"), "time": "time", "targets": "value", "past": 5, "horizon": 2}


def utterances(folder: Path) -> dict[str, Any]:
    header = "@dimensions 2\n@classLabel true a b c\n@data\n"
    for split, rows in (("train", ROWS), ("test", 9)):
        lines = []
        for row in range(rows):
            steps = np.arange(3 + row % 4)
            channels = (",".join(f"{value:.3f}" for value in f(steps + row)) for f in (np.sin, np.cos))
            lines.append(":".join([*channels, "abc"[row % 3]]))
        (folder / f"{split}.ts").write_text(header + "\n".join(lines), encoding="utf-8")
    return {split: str(folder / f"{split}.ts") for split in ("train", "test")}


def function(folder: Path) -> dict[str, Any]:
    (folder / "made_data.py").write_text(
        "import numpy\ndef make(path):\n    held = numpy.load(path)\n"
        "    return {split: {name: held[f'{name}_{split}'] for name in ('image', 'label', 'other')}\n"
        "            for split in ('train', 'test')}\n"
    )
    return {"function": f"{folder / 'made_data.py'}:make", "arguments": npz(folder)}


def of_sklearn(folder: Path) -> dict[str, Any]:
    return {"name": "digits"}


def audio_folder(folder: Path) -> dict[str, Any]:
    for split, count in (("train", ROWS), ("test", 9)):
        for n in range(count):
            path = folder / "sounds" / split / "abc"[LABELS[n]] / f"{n}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.sin(np.arange(400) * (n + 1) / 40), 1000)
    return {"path": str(folder / "sounds")}


def text_folder(folder: Path) -> dict[str, Any]:
    for split, count in (("train", ROWS), ("test", 9)):
        for number in range(count):
            path = folder / "texts" / split / "abc"[LABELS[number]] / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"the text of number {number} in {split}", encoding="utf-8")
    return {"path": str(folder / "texts")}


# How a source of each kind is made, and which of its files can be damaged; none where it ships with dlkit, or where any
# content is right.
SOURCE: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "audio_folder": (audio_folder, "sounds/train/a/0.wav"),
    "bundled": (bundled, ""),
    "csv": (text_files, "train.csv"),
    "image_folder": (image_folder, "train/a/0.png"),
    "npz": (npz, "made.npz"),
    "parquet": (parquet_files, "train.parquet"),
    "python": (function, ""),
    "sklearn": (of_sklearn, ""),
    "text_folder": (text_folder, ""),
    "tfds": (prepared, "made/1.0.0/*train*"),
    "timeseries": (series, "made.csv"),
    "ts": (utterances, "train.ts"),
}
# The column that is seen, the one that is predicted, and their kinds, where they are not an image and its class.
COLUMNS: dict[str, tuple[str, str, str, str]] = {
    "audio_folder": ("audio", "audio", "label", "category"),
    "csv": ("image", "number", "label", "category"),
    # Classes are only known when rows are read.
    "parquet": ("image", "number", "label", "number"),
    "sklearn": ("image", "image", "target", "category"),
    "text_folder": ("text", "text", "label", "category"),
    "timeseries": ("past", "sequence", "future", "forecast"),
    "ts": ("x", "sequence", "label", "category"),
}
# The same slice of sources without a split `test`.
WITHOUT_TEST: dict[str, Callable[[int], str]] = {
    "sklearn": lambda count: f"train[-{count}:]",
    "timeseries": lambda count: f"train[{ROWS + 5}:{ROWS + 5 + count}]",
}


def columns(source: dict[str, Any]) -> tuple[str, str, str, str]:
    """The column that is seen and its kind, the one that is predicted and its kind."""
    return COLUMNS.get(source["kind"], ("image", "image", "label", "category"))


def data(source: dict[str, Any], **splits: str) -> dict[str, Any]:
    """The data of such a source."""
    seen, input, predicted, target = columns(source)
    inputs, targets = {seen: {"kind": input}}, {predicted: {"kind": target}}
    splits = splits or {"train": f"train[:{ROWS}]", "test": of_test(source, 9)}
    return {"source": source, "inputs": inputs, "targets": targets, "batch_size": 8, "splits": splits}


def of_test(source: dict[str, Any], count: int) -> str:
    """A slice of so many examples that are not among the first of `train`."""
    return WITHOUT_TEST[source["kind"]](count) if source["kind"] in WITHOUT_TEST else f"test[:{count}]"


def labels(source: dict[str, Any], train: str) -> list[Any]:
    """The labels of a slice, in order."""
    held = load_splits(Data.model_validate(data(source, train=train))).train
    assert isinstance(held, Rows)
    found: list[Any] = held.held.targets[columns(source)[2]].tolist()
    return found


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
    assert labels(source, f"{of_test(source, 2)}+train[3:5]") == labels(source, of_test(source, 2)) + whole[3:5]


def test_what_a_source_describes_is_what_it_has(source: dict[str, Any]) -> None:
    settings = Data.model_validate(data(source))
    described, read = load_spec(settings), load_splits(settings).spec
    if described is None:
        assert settings.source is not None
        assert settings.source.describe() is None
        return
    # How many examples there are may be known only when they are read.
    assert described.sizes in ({}, read.sizes)
    for name in columns(source)[::2]:
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


# Sources of files in which zeros may be right, so that a file is cut off instead.
CUT = {"audio_folder", "image_folder"}


@pytest.mark.parametrize("kind", [k for k, (_, damaged) in SOURCE.items() if damaged])
def test_a_damaged_file_is_named(kind: str, tmp_path: Path) -> None:
    make, damaged = SOURCE[kind]
    settings = Data.model_validate(data({"kind": kind, **make(tmp_path)}))
    (path,) = tmp_path.glob(damaged)
    content = bytearray(path.read_bytes())
    if kind in CUT:
        del content[len(content) * 2 // 3 :]
    else:
        content[len(content) // 3 : len(content) // 3 + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(RunError) as refused:
        fit_and_stage(load_splits(settings))
    assert refused.value.problems[0].code in ("damaged-data", "damaged-file")
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
