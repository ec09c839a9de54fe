"""What the data of a configuration are: splits, inputs, targets, examples, what was left out, what the store holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import numpy as np

from dlkit.config.problems import Problem
from dlkit.data import store
from dlkit.data.bound import Input, Spec, Target
from dlkit.data.contract import SOURCE_ORDER, Batch, Rows, Split, Splits
from dlkit.elements import elements
from dlkit.looking.page import page
from dlkit.looking.reading import place, read
from dlkit.schema import Config
from dlkit.schema.source import SourceData

# Values of an input that are looked at in a split; rows that are decoded for it, and examples of a stream.
MOST_VALUES, MOST_DECODED, MOST_OF_STREAM = 2**26, 200, 1000
EXAMPLES = 3


@dataclass(frozen=True)
class Description:
    """What the data of a configuration are. Printed, it is a page of text.

    Attributes:
        content: the same in plain values, as `dlkit data describe --json` gives them.
    """

    content: dict[str, Any]

    def __str__(self) -> str:
        return "\n".join(page(self.content))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def describe(config: Config, data: Any, leaks: Callable[[Config, Splits], Iterable[Problem]]) -> Description:
    """What the data of a configuration are.

    Args:
        config: the configuration.
        data: examples from Python instead of its source, as for `dlkit.train`; None for those of the source.
        leaks: looks for what one split gives away of another.

    Raises:
        ConfigError: if the configuration does not fit the source.
        RunError: if the data cannot be read, or hold what cannot be trained on.
    """
    source, splits = read(config, data)
    there = splits.by_name
    looked = {name: _looked_at(split, splits.spec) for name, split in there.items()}
    spec = splits.spec
    return Description(
        {
            "name": config.name,
            "source": _of_source(config, source),
            "splits": dict(spec.sizes),
            "inputs": {name: _of_column(bound, there, looked) for name, bound in spec.inputs.items()},
            "targets": {name: _of_column(bound, there, looked) for name, bound in spec.targets.items()},
            "examples": _examples(splits, source, looked["train"]),
            "dropped": [asdict(one) for one in splits.dropped],
            "notes": [note for note in splits.notes if note not in {one.note for one in splits.dropped}],
            "store": _stored(splits),
            "leaks": [{"code": p.code, "message": p.message, "help": p.help} for p in leaks(config, splits)],
        }
    )


def _of_source(config: Config, source: SourceData) -> dict[str, Any]:
    columns = {
        name: {"dtype": field.dtype, "shape": None if field.shape is None else list(field.shape)}
        | ({"encoding": field.encoding} if field.encoding else {})
        for name, field in source.fields.items()
    }
    kind = config.data.source.kind if config.data.source is not None else "given in Python"
    others = list(source.others)
    return {"kind": kind, "name": source.name, "splits": dict(source.sizes), "columns": columns, "not read": others}


# Values.


def _looked_at(split: Split, spec: Spec) -> Mapping[str, Any]:
    """Values by the name of each input and target: all of them, or some where there are too many."""
    if isinstance(split, Rows):
        held = {**split.held.inputs, **split.held.targets}
        found = {name: values[:: _stride(values)] for name, values in held.items()}
        if split.make is not None:
            found |= split.make(np.unique(np.linspace(0, split.size - 1, MOST_DECODED).astype(np.int64)))
        return found
    examples = list(elements(split.make(0, SOURCE_ORDER).take(MOST_OF_STREAM)))
    rows = [{**inputs, **targets} for inputs, targets, _ in examples]
    return {name: _stacked([row[name].numpy() for row in rows]) for name in (*spec.inputs, *spec.targets) if rows}


def _stride(values: np.ndarray) -> int:
    return -(-values.size // MOST_VALUES) if len(values) else 1


def _stacked(values: list[Any]) -> np.ndarray:
    arrays = [np.asarray(value) for value in values]
    if len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    found = np.empty(len(arrays), object)
    found[:] = arrays
    return found


def _of_column(
    bound: Input | Target, there: Mapping[str, Split], looked: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """One input or target: what it is, and the summary that its kind gives of it in each split."""
    values = {split: found[bound.name] for split, found in looked.items() if bound.name in found}
    about = {"kind": bound.kind, "columns": list(bound.columns), "shape": list(bound.shape), "dtype": bound.dtype}
    if bound.classes:
        about["classes"] = list(bound.classes)
    summaries = {split: dict(bound.settings.summary(found, bound)) for split, found in values.items()}
    few = {split: len(found) for split, found in values.items() if len(found) != there[split].size}
    return {**about, **({"looked at": few} if few else {}), "summary": summaries}


# Examples.


def _examples(splits: Splits, source: SourceData, looked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The first examples of training, in a few words each."""
    spec, train = splits.spec, splits.train
    numbers = np.arange(min(EXAMPLES, len(next(iter(looked.values()), ()))))
    batch = train.read(numbers) if isinstance(train, Rows) else Batch(dict(looked), dict(looked), {}, numbers)
    ids = train.ids if isinstance(train, Rows) else None
    found = []
    for n in numbers:
        example: dict[str, Any] = {"place": f"example {n}" if ids is None else place(source, int(ids[n]))}
        for family, bounds, values in (("inputs", spec.inputs, batch.inputs), ("targets", spec.targets, batch.targets)):
            example[family] = {name: b.settings.in_words(values[name][n], b) for name, b in bounds.items()}
        found.append(example)
    return found


def _stored(splits: Splits) -> list[dict[str, Any]]:
    """The prepared examples that are kept of this source."""
    return [
        {"input": e.about.input, "prepared": e.prepared, "rows": e.about.rows, "bytes": e.size, "folder": str(e.folder)}
        for e in _entries(splits)
    ]


def _entries(splits: Splits) -> Iterator[store.Listed]:
    if splits.origin is not None:
        made_from = store.digest(splits.origin.fingerprint)
        yield from (e for e in store.entries() if e.about.made_from.get("the data") == made_from)
