"""Applies the host stage to the splits of a run, and keeps its results where that saves work.

`data.cache` says where: in memory, in the store on the disk, or nowhere. The same functions prepare an example in each
case, so the values are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from dlkit import __version__, mapped
from dlkit.data import store
from dlkit.data.bound import Input, Spec
from dlkit.data.contract import Origin, Rows, Split, Splits, Stream
from dlkit.data.fit import fit_device, fit_host
from dlkit.data.host import HostStage, bytes_of
from dlkit.data.preprocessing import Layers, make_preprocessing, steps_on_host
from dlkit.schema.data import Data

# What `cache: auto` holds in memory: less of what is decoded, which takes longer to make again than to read.
IN_MEMORY, DECODED_IN_MEMORY = 2**30, 2**26
# Bytes that are prepared before they are written.
_PART = 2**25

Where = Literal["memory", "disk", "off"]
# Called with the number of examples that are prepared, and of all that will be.
Progress = Callable[[int, int], None]


def fit_and_stage(
    splits: Splits,
    data: Data | None = None,
    *,
    fitted: bool = False,
    before: Callable[[Spec], Any] | None = None,
    progress: Progress | None = None,
) -> tuple[Splits, Splits]:
    """The splits with what preprocessing learns from the training rows, and the same after the host stage.

    Args:
        splits: as the source gives them.
        data: where prepared examples are kept; in memory if None.
        fitted: nothing is learned, since the inputs have their states from when a run began.
        before: called with what is known of the data before files are decoded, which may take long.
        progress: called while examples are prepared.

    Raises:
        RunError: if an example cannot be decoded, or nothing can be learned from the examples.
    """
    spec, notes = splits.spec, list(splits.notes)
    if not fitted:
        inputs, more = fit_host(spec.inputs, splits.train)
        spec, notes = replace(spec, inputs=inputs), notes + more
    if before is not None and _decoded(splits):
        before(spec)
    staged = host_stage(make_preprocessing(spec.inputs).host, replace(splits, spec=spec, notes=()), data, progress)
    if not fitted:
        inputs, more = fit_device(spec.inputs, staged.train)
        spec, notes = replace(spec, inputs=inputs), notes + more
    prepared = {name: replace(bound, state=spec.inputs[name].state) for name, bound in staged.spec.inputs.items()}
    notes += staged.notes
    staged = replace(staged, spec=replace(staged.spec, inputs=prepared), notes=tuple(notes))
    return replace(splits, spec=spec, notes=tuple(notes)), staged


def host_stage(host: Layers, splits: Splits, data: Data | None = None, progress: Progress | None = None) -> Splits:
    """The splits with the host stage applied: once where its results are kept, else whenever an example is read.

    Args:
        host: layers by input.
        splits: as the source gives them.
        data: where results are kept; in memory if None.
        progress: called while examples are prepared.

    Returns:
        The same splits where no input has a host stage or is decoded.
    """
    stage = HostStage(host, splits.spec.inputs, _decoded(splits))
    if not stage.inputs:
        return splits
    spec = replace(splits.spec, inputs={**splits.spec.inputs, **stage.inputs})
    if isinstance(splits.train, Stream):
        streams = {name: _stream(stage, split) for name, split in splits.by_name.items()}
        return replace(splits, spec=spec, notes=(*splits.notes, *_not_kept(data)), **streams)  # type: ignore[arg-type]
    keeper = _Keeper(stage, splits, data, progress)
    made = {name: keeper.split(split) for name, split in splits.by_name.items()}
    return replace(splits, spec=spec, notes=(*splits.notes, *keeper.notes), **made)  # type: ignore[arg-type]


def _decoded(splits: Splits) -> set[str]:
    """The inputs that are decoded when they are read."""
    return set(splits.train.stored) if isinstance(splits.train, Rows) else set()


def _not_kept(data: Data | None) -> Iterator[str]:
    """A line where the configuration asks for what a stream does not have."""
    if data is not None and data.cache in ("memory", "disk"):
        yield f"`data.cache: {data.cache}` keeps nothing of a stream: its examples are prepared again in every epoch"


def _stream(stage: HostStage, split: Split) -> Stream:
    assert isinstance(split, Stream)

    def single(inputs: dict[str, Any], *others: Any) -> tuple[Any, ...]:
        return (stage.of_example(inputs), *others)

    return Stream(
        lambda seed, epoch: split.make(seed, epoch).map(single, num_parallel_calls=tf.data.AUTOTUNE), split.size
    )


class _Keeper:
    """Prepares the rows of several splits, and keeps them in one way."""

    def __init__(self, stage: HostStage, splits: Splits, data: Data | None, progress: Progress | None) -> None:
        self.notes: list[str] = []
        self._stage, self._raw = stage, splits.spec.inputs
        self._progress = progress or (lambda done, total: None)
        self._total, self._done = sum(split.size or 0 for split in splits.by_name.values()), 0
        self._origin = splits.origin
        self._entries: dict[str, store.Entry] = {}
        self._where = self._decided(data, decoded=splits.train.make is not None)
        if self._where == "disk":
            try:
                self._open()
            except (OSError, ValueError) as error:
                self._fall_back(error)

    def split(self, split: Split) -> Rows:
        """A split after the host stage."""
        assert isinstance(split, Rows)
        others = {name: x for name, x in split.held.inputs.items() if name not in self._stage.inputs}
        held = split.held._replace(inputs=others)
        if self._where == "disk":
            try:
                self._fill(split)
                return self._from_store(split, held)
            except OSError as error:
                self._fall_back(error)
        if self._where == "memory":
            shapes = {name: (split.size, *map(int, x.shape)) for name, x in self._stage.inputs.items()}  # type: ignore[arg-type]
            arrays = {name: mapped.empty(shapes[name], bound.dtype) for name, bound in self._stage.inputs.items()}
            for rows, values in self._prepared(split, np.arange(split.size)):
                for name, array in arrays.items():
                    array[rows] = values[name]
            return Rows(held._replace(inputs={**others, **arrays}), ids=split.ids)
        return Rows(held, lambda rows: self._stage.of_rows(split, rows), split.ids)

    # Where results are kept.

    def _decided(self, data: Data | None, *, decoded: bool) -> Where:
        if any(None in bound.shape for bound in self._stage.inputs.values()):
            return "off"  # the network refuses such examples, by name
        cache = "memory" if data is None else data.cache
        if cache == "auto":
            if self._bytes(self._total) <= (DECODED_IN_MEMORY if decoded else IN_MEMORY):
                return "memory"
            cache = "disk"
        if cache != "disk" or data is None:
            return cache
        size, limit = self._bytes(self._total), data.cache_limit * 2**30
        if self._origin is None or size > limit:
            why = (
                f"they would take {size / 2**30:,.1f} GiB, and `data.cache_limit` is {data.cache_limit:g}"
                if self._origin is not None
                else "nothing says when the data change"
            )
            self.notes.append(f"prepared examples are not kept: {why}; they are made again in every epoch")
            return "off"
        return "disk"

    def _fall_back(self, error: Exception) -> None:
        """Keep nothing on a disk that refuses it."""
        self._where = "memory" if self._bytes(self._total) <= IN_MEMORY else "off"
        instead = "they are held in memory" if self._where == "memory" else "they are made again in every epoch"
        cause = getattr(error, "strerror", None) or str(error)
        folder = f"{mapped.store_root()} ({cause}): {instead}; set DLKIT_CACHE to another folder"
        self.notes.append(f"prepared examples cannot be kept in {folder}")

    def _bytes(self, rows: int) -> int:
        return rows * sum(bytes_of(bound) for bound in self._stage.inputs.values())

    # The store.

    def _open(self) -> None:
        assert self._origin is not None
        for name, bound in self._stage.inputs.items():
            made_from = {what: store.digest(x) for what, x in ingredients(self._raw[name], self._origin).items()}
            shape: tuple[int, ...] = tuple(bound.shape)  # type: ignore[arg-type]
            about = store.About(self._origin.name, name, bound.kind, self._origin.size, shape, bound.dtype, made_from)
            entry = self._entries[name] = store.Entry(about)
            if entry.instead_of:
                self.notes.append(f"the examples of `{name}` are prepared again, since {entry.instead_of} changed")

    def _fill(self, split: Rows) -> None:
        """Prepare the rows that the store does not have yet."""
        if not len(self._missing(split)):
            self._done += split.size
            return
        folders = [entry.folder for entry in self._entries.values()]
        with store.locked(*folders, wait=False) as free:
            if free:
                self._prepare_missing(split)
                return
        with store.locked(*folders):
            self.notes.append("another run prepared the same examples, and was waited for")
            self._prepare_missing(split)

    def _missing(self, split: Rows) -> np.ndarray:
        """Numbers of the rows of a split that the store does not have, in the order of the source."""
        assert split.ids is not None
        missing = np.unique(np.concatenate([entry.missing(split.ids) for entry in self._entries.values()]))
        numbers = np.flatnonzero(np.isin(split.ids, missing))
        return numbers[np.argsort(split.ids[numbers], kind="stable")]

    def _prepare_missing(self, split: Rows) -> None:
        assert split.ids is not None
        numbers = self._missing(split)
        self._done += split.size - len(numbers)
        for rows, values in self._prepared(split, numbers):
            for name, entry in self._entries.items():
                entry.write(split.ids[rows], values[name])

    def _from_store(self, split: Rows, held: Any) -> Rows:
        """A split over the files of the store: views of successive rows, copies of few others, else by number."""
        ids = split.ids
        assert ids is not None
        values = {name: entry.values for name, entry in self._entries.items()}
        if np.array_equal(ids, np.arange(ids[0], ids[0] + len(ids))):
            views = {name: array[ids[0] : ids[0] + len(ids)] for name, array in values.items()}
            return Rows(held._replace(inputs={**held.inputs, **views}), ids=ids)
        if self._bytes(len(ids)) <= IN_MEMORY:
            copies = {name: array[ids] for name, array in values.items()}
            return Rows(held._replace(inputs={**held.inputs, **copies}), ids=ids)
        return Rows(held, lambda rows: {name: array[ids[rows]] for name, array in values.items()}, ids)

    def _prepared(self, split: Rows, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """The host stage of rows of a split, some at a time."""
        count = max(1, _PART // max(1, self._bytes(1)))
        for rows, values in self._stage.of_parts(split, numbers, count):
            yield rows, values
            self._done += len(rows)
            self._progress(self._done, self._total)


def ingredients(bound: Input, origin: Origin) -> dict[str, Any]:
    """Everything that the prepared values of an input follow from, as plain values, by what messages call it."""
    steps = steps_on_host(bound)
    settings = bound.settings.model_dump(mode="json", exclude={"preprocess", "augment"})
    states = (bound.state.get("steps") or [])[:steps]
    own = {name: value for name, value in bound.state.items() if name != "steps"}
    return {
        "the data": origin.fingerprint,
        "its columns": list(bound.columns),
        "its settings": [settings, list(bound.shape), bound.dtype],
        "`preprocess`": [step.model_dump(mode="json") for step in bound.settings.preprocess[:steps]],
        "what was fitted on the training rows": [own, states],
        "the version of dlkit or TensorFlow": [store.FORMAT, __version__, tf.__version__],
    }
