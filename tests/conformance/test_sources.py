"""Every registered source: it has what it describes, slices partition it, opened twice it is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.config.problems import RunError
from dlkit.data.contract import Batch, Rows
from dlkit.data.feeding import make_feeder
from dlkit.data.load import load_spec, load_splits
from dlkit.data.prepare import fit_and_stage
from dlkit.schema.data import Data
from dlkit.schema.source import SOURCES
from dlkit.training import chunk
from dlkit.training.interrupts import Interrupted
from tests.conformance.made_sources import COLUMNS, ROWS, SOURCE, WITHOUT_TEST
from tests.quick import ALONE
from tests.training.helpers import InterruptAt, state_digest


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
CUT = {"audio_folder", "image_folder", "npy"}


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


def test_a_source_that_is_opened_again_goes_on_in_the_middle_of_an_epoch(source: dict[str, Any]) -> None:
    settings = Data.model_validate(data(source, train=f"train[:{ROWS}]"))

    def batches(start: int) -> list[Batch]:
        splits = fit_and_stage(load_splits(settings), settings)[1]
        feeder = make_feeder(splits.train, splits.spec, settings, training=True)
        found = {}
        for block in feeder.blocks(7, 1, start):
            found |= {block.first + i: feeder.pick(block.tensors, tf.constant(i)) for i in range(block.steps)}
        return [found[number] for number in range(start, feeder.steps)]

    whole, rest = batches(0), batches(3)
    assert len(whole) == 5 and len({tuple(batch.rows.numpy()) for batch in whole}) == 5
    for one, other in zip(whole[3:], rest, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, tuple(one), tuple(other))


# A table, and files that are decoded. The others are variations, whose batches the test above compares.
RESUMED = {"csv", "image_folder"}


@pytest.mark.parametrize(
    "source",
    [pytest.param(k, marks=() if k in RESUMED else pytest.mark.slow) for k in SOURCES.own_names],
    indirect=True,
)
def test_a_run_on_a_source_resumes_to_the_same_bits(source: dict[str, Any], tmp_path: Path) -> None:
    # What is compared is how training goes on: nothing is tested, watched or compared with baselines.
    config: dict[str, Any] = {"name": "small", "data": data(source, train=f"train[:{ROWS}]")}
    config["model"] = {"builder": "mlp", "dense": [4]}
    config["training"] = {"epochs": 2, **ALONE}
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
