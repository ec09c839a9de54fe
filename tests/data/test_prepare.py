"""The host stage gives the same bits wherever its results are kept, and never a wrong one."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dlkit.data import prepare, store
from dlkit.data.contract import Batch, Rows, Splits, chosen
from dlkit.data.feeding import make_feeder
from dlkit.data.load import load_splits
from dlkit.data.prepare import fit_and_stage
from dlkit.schema.data import Data
from dlkit.schema.loader import from_mapping
from tests import processes

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (60, 9, 8, 3)).astype("uint8")
LABELS = np.arange(60) % 3
STEPS: list[Any] = [{"resize": {"height": 5, "width": 4}}, "rescale", "normalize"]


def data(**settings: Any) -> Data:
    """Images that are resized."""
    inputs = {"x": {"kind": "image", "preprocess": STEPS}}
    section = {"inputs": inputs, "targets": {"y": {"kind": "category"}}, "batch_size": 8, **settings}
    return from_mapping({"name": "t", "data": section, "model": {"builder": "mlp"}}, needs_source=False).config.data


def staged(settings: Data, images: np.ndarray = IMAGES, progress: Any = None) -> Splits:
    """Training and test examples after the host stage."""
    given = {"train": (images, LABELS[: len(images)]), "test": (images[:20], LABELS[:20])}
    return fit_and_stage(load_splits(settings, given=given), settings, progress=progress)[1]


def batches(splits: Splits, settings: Data) -> np.ndarray:
    """All training images of the third epoch, in the order of their batches."""
    feeder = make_feeder(splits.train, splits.spec, settings, training=True)
    found: list[Batch] = []
    for block in feeder.blocks(3, 2):
        found += [feeder.pick(block.tensors, tf.constant(i)) for i in range(block.steps)]
    return np.concatenate([batch.inputs["x"].numpy() for batch in found])


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of this test alone."""
    monkeypatch.setenv("DLKIT_CACHE", str(tmp_path / "store"))
    return tmp_path / "store"


def test_every_way_of_keeping_gives_the_same_bits_from_every_feeder() -> None:
    found = {}
    for cache in ("memory", "off", "disk", "disk", "auto"):
        for feed in ("device", "pipeline"):
            settings = data(cache=cache, feed=feed)
            splits = staged(settings)
            found[cache, feed, len(found)] = batches(splits, settings)
            assert (splits.train.arrays is None) == (cache == "off")  # type: ignore[union-attr]
    first, *others = found.values()
    for other in others:
        np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize(("cache", "lines"), [("disk", 1), ("memory", 1), ("auto", 0), ("off", 0)])
def test_what_is_asked_to_be_kept_of_a_stream_is_said_not_to_be(cache: str, lines: int) -> None:
    settings = data(cache=cache, targets={"y": {"kind": "number"}})
    examples = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))
    given = {"train": examples, "test": examples.take(20)}
    found = fit_and_stage(load_splits(settings, given=given), settings)[1].notes
    assert [f"`data.cache: {cache}` keeps nothing of a stream" in note for note in found].count(True) == lines


def test_a_second_run_prepares_nothing() -> None:
    calls: list[tuple[int, int]] = []
    cold = staged(data(cache="disk"), progress=lambda *numbers: calls.append(numbers))
    assert calls[-1] == (80, 80)
    calls.clear()
    warm = staged(data(cache="disk"), progress=lambda *numbers: calls.append(numbers))
    assert calls == []
    for split in ("train", "test"):
        one, other = (getattr(splits, split).held.inputs["x"] for splits in (cold, warm))
        np.testing.assert_array_equal(one, other)
        assert isinstance(one, np.memmap)


@pytest.mark.parametrize("change", ["data", "step", "device step", "model"])
def test_a_change_prepares_again_where_the_values_follow_from_it(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    staged(data(cache="disk"))
    steps = {"step": [{"resize": {"height": 5, "width": 6}}], "device step": [STEPS[0]]}.get(change, STEPS)
    monkeypatch.setattr(sys.modules[__name__], "STEPS", steps)
    images = IMAGES.copy()
    images[0] = 0 if change == "data" else images[0]
    splits = staged(data(cache="disk", shuffle=change != "model"), images)
    assert len(store.entries()) == (2 if change in ("data", "step") else 1)
    assert any("prepared again" in note for note in splits.notes) == (change in ("data", "step"))


@pytest.mark.parametrize("limit", [prepare.IN_MEMORY, 0], ids=["copied", "by number"])
def test_rows_of_any_order_are_read_from_the_store(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "IN_MEMORY", limit)
    settings = data(cache="disk")
    given = {"train": (IMAGES, LABELS)}
    raw = load_splits(settings, given=given)
    assert isinstance(raw.train, Rows)
    rows = RANDOM.permutation(60)[:30]
    some = fit_and_stage(replace(raw, train=chosen(raw.train, rows)), settings)[1]
    whole = fit_and_stage(raw, data(cache="memory"))[1]
    found = some.train.read(np.arange(30)).inputs["x"]  # type: ignore[union-attr]
    np.testing.assert_array_equal(found, whole.train.read(rows).inputs["x"])  # type: ignore[union-attr]
    (entry,) = store.entries()
    assert entry.prepared == 30


def test_what_is_too_large_for_the_limit_is_not_kept(own_store: Path) -> None:
    splits = staged(data(cache="disk", cache_limit=1e-9))
    assert splits.train.arrays is None  # type: ignore[union-attr]
    assert "`data.cache_limit` is 1e-09; they are made again in every epoch" in splits.notes[-1]
    assert not own_store.exists()


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_keeping(own_store: Path) -> None:
    own_store.write_text("a file")
    splits = staged(data(cache="disk"))
    assert splits.train.arrays is not None  # type: ignore[union-attr]
    (note,) = (note for note in splits.notes if "cannot be kept" in note)
    assert str(own_store) in note
    assert "they are held in memory; set DLKIT_CACHE to another folder" in note


def test_a_disk_that_fills_up_in_the_middle_costs_nothing_but_the_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = batches(staged(data(cache="memory")), data())
    monkeypatch.setattr(prepare, "_PART", 500)
    real, left = store.write_all, [7]

    def full(file: Any, content: memoryview) -> None:
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        real(file, content)

    monkeypatch.setattr(store, "write_all", full)
    splits = staged(data(cache="disk"))
    np.testing.assert_array_equal(batches(splits, data()), expected)
    assert any("(No space left on device): they are held in memory" in note for note in splits.notes)
    monkeypatch.undo()
    splits = staged(data(cache="disk"))
    np.testing.assert_array_equal(batches(splits, data()), expected)


def test_two_processes_that_build_one_store_get_the_same_and_a_kill_leaves_nothing_wrong(
    own_store: Path, tmp_path: Path
) -> None:
    done = processes.python(PROCESSES, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    killed, prepared, *both = done.stdout.split()
    assert int(killed) == 9
    assert 0 < int(prepared) < 80
    assert both == [digest(staged(data(cache="memory")))] * 2


def digest(splits: Splits) -> str:
    """SHA-256 of the prepared training images."""
    return hashlib.sha256(splits.train.held.inputs["x"].tobytes()).hexdigest()  # type: ignore[union-attr]


# What is imported once is forked before anything is computed: a process that is killed in the middle, and two at once.
PROCESSES = """
import os
from tests.data.test_prepare import *

def forked(work):
    number = os.fork()
    if not number:
        work()
        os._exit(0)
    return number

def killed():
    prepare._PART = 500
    staged(data(cache="disk"), progress=lambda done, total: os.kill(os.getpid(), 9) if done > 20 else None)

def whole(end):
    os.write(end, digest(staged(data(cache="disk"))).encode() + b" ")

print(os.WTERMSIG(os.waitpid(forked(killed), 0)[1]), sum(entry.prepared for entry in store.entries()))
begin, end = os.pipe()
both = [forked(lambda: whole(end)) for _ in range(2)]
assert [os.waitpid(number, 0)[1] for number in both] == [0, 0]
print(os.read(begin, 1000).decode())
"""
