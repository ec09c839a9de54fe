"""`kind: ts`: files of the `.ts` format, series of one length or of several with a label each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from dlkit.config.problems import Key, Problem, RunError
from dlkit.schema.base import FilePath
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, SourceSettings, type_name
from dlkit.sources._files import fingerprint, must_be_file
from dlkit.sources._ts_format import TsFile, read_ts

if TYPE_CHECKING:
    import numpy as np

    from dlkit.schema import Config

_KEY = ("data", "source")
SPLITS = ("train", "validation", "test")
# The columns that it offers.
SERIES, LABEL = "x", "label"
ENDINGS = (".ts", ".ts.gz")


class TsSource(SourceSettings):
    """Series in `.ts` files, a file for each split: `x`, of the shape (steps, channels), and `label`."""

    also_called = "uea, ucr, aeon, sktime, tsfile"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        "train": "train_path, train_file",
        "validation": "validation_path, val, val_path",
        "test": "test_path, test_file",
    }

    kind: Literal["ts"]
    train: FilePath | None = Field(None, description="The file of the split `train`, as it is or compressed with gzip.")
    validation: FilePath | None = Field(None, description="The file of the split `validation`.")
    test: FilePath | None = Field(None, description="The file of the split `test`.")

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A file with such an ending, and that of the other split beside it: `name_TRAIN.ts` and `name_TEST.ts`."""
        given = asked.path
        if given is not None and given.is_dir():
            inside = sorted(filter(_is_ts, given.iterdir()))
            given = next(
                (path for path in inside if _split_of(path) == "train"), inside[0] if len(inside) == 1 else None
            )
        if given is None or not given.is_file() or not _is_ts(given):
            return None
        files = {"train": given}
        if (split := _split_of(given)) is not None:
            stem = re.sub(f"(?i){split}", "", given.name)
            beside = {path: _split_of(path) or "" for path in sorted(filter(_is_ts, given.parent.iterdir()))}
            files = {s: path for path, s in beside.items() if s and re.sub(f"(?i){s}", "", path.name) == stem}
        paths = {split: str(files[split]) for split in SPLITS if split in files}
        reason = "series in `.ts` files" + (", one for each split" if len(paths) > 1 else "")
        return SourceGuess(0.9, {"kind": "ts", **paths}, reason)

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """Every file, read whole. Shorter series are padded with NaN at their end.

        Raises:
            ConfigError: if there is no such file.
            RunError: naming the first line that cannot be read.
        """
        files = {split: _read(Path(path), (*_KEY, split)) for split, path in self._paths().items()}
        identity = fingerprint({split: [Path(path)] for split, path in self._paths().items()})
        return of_files(", ".join(f.path.name for f in files.values()), files, identity)

    def rules(self, config: Config) -> Iterator[Problem]:
        """One file at least."""
        if not self._paths():
            help = "give `train:` a file, and `test:` another"
            yield Problem("missing-key", "no file is named", _KEY, label="needs `train`", help=help)

    def _paths(self) -> dict[str, str]:
        return {split: path for split in SPLITS if (path := getattr(self, split)) is not None}


def of_files(name: str, files: Mapping[str, TsFile], fingerprint: str | None) -> SourceData:
    """A source over files that were read, by split.

    Raises:
        RunError: if they differ in channels, or only some have labels.
    """
    first, *others = files.items()
    for split, other in others:
        _same(first[1], other, split)
    train = first[1]
    fields = {SERIES: SourceField(train.values.shape[1:], "float32", ragged=_are_ragged(files), hint="sequence")}
    if train.labels is not None:
        kind = "number" if train.labels.dtype.kind == "f" else "category"
        fields[LABEL] = SourceField((), type_name(train.labels.dtype), hint=kind)

    def arrays(split: str) -> dict[str, np.ndarray]:
        found = {SERIES: files[split].values}
        return found if (labels := files[split].labels) is None else {**found, LABEL: labels}

    def place(split: str, row: int) -> str:
        return f"{files[split].path.name}:{files[split].lines[row]}"

    sizes = {split: len(file.values) for split, file in files.items()}
    return SourceData(name, sizes, fields, arrays, place=place, fingerprint=fingerprint)


def _are_ragged(files: Mapping[str, TsFile]) -> bool:
    return any(f.ragged for f in files.values()) or len({f.values.shape[1] for f in files.values()}) > 1


def _same(first: TsFile, other: TsFile, split: str) -> None:
    """Refuse files that do not belong together."""
    ours, theirs = (("none" if f.labels is None else type_name(f.labels.dtype)) for f in (first, other))
    channels = first.values.shape[2], other.values.shape[2]
    if ours == theirs and channels[0] == channels[1]:
        return
    what = f"{channels[1]:,} channels, and {first.path.name} has {channels[0]:,}"
    if ours != theirs:
        what = f"labels of the type {theirs}, and {first.path.name} of {ours}"
    message, help = f"{other.path.name} has {what}", "name files of one data set"
    raise RunError(Problem("mixed-types", message, (*_KEY, split), help=help))


def _is_ts(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS)


def _split_of(path: Path) -> str | None:
    """The split that a file is named after."""
    return next((split for split in SPLITS if re.search(f"(?i)(^|[_.-]){split}[_.-]", path.name)), None)


def _read(path: Path, key: Key) -> TsFile:
    must_be_file(path, key, ENDINGS)
    return read_ts(path, key)
