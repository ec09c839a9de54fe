"""`kind: npy`: NumPy arrays in files of their own, one for each column, which are mapped into memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dlkit.config.causes import first_line, reported_as
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, DlkitError, Key, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.base import FilePath, IsPath, Text
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceSettings, expanded, fields_of
from dlkit.sources._files import fingerprint
from dlkit.sources._folders import SPLITS, must_be_folder
from dlkit.sources._guess_folder import share_of

if TYPE_CHECKING:
    import numpy as np

    from dlkit.schema import Config
else:
    np = lazy("numpy")

_KEY: Key = ("data", "source")
ENDING, MAGIC = ".npy", b"\x93NUMPY"
# By split, the file of each column.
Files = dict[str, dict[str, Path]]


class NpySource(SourceSettings):
    """NumPy arrays in `.npy` files, one for each column. They are mapped into memory, not read into it."""

    also_called = "numpy, memmap, npy_folder, arrays"

    kind: Literal["npy"]
    path: FilePath | None = Field(
        None,
        description="A folder whose files are the columns of their names; `x_train.npy` and `x_test.npy` are the "
        "column `x` of these splits, `x.npy` that of `train`.",
    )
    columns: (
        Annotated[
            dict[Text, FilePath | Annotated[dict[Text, FilePath], Field(min_length=1)]], Field(min_length=1), IsPath()
        ]
        | None
    ) = Field(
        None,
        description="Instead of a folder, the file of each column: `{x: x.npy, y: y.npy}`, or those of its splits: "
        "`{x: {train: a.npy, test: b.npy}}`.",
    )

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A folder, by the share of its files that are such."""
        share = share_of(asked.path, (ENDING,))
        if asked.path is None or not share:
            return None
        return SourceGuess(share * 0.9, {"kind": "npy", "path": str(asked.path)}, "a folder of NumPy arrays")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The wanted columns, mapped. A split exists where one of them does; then all of them must.

        Raises:
            ConfigError: there is no such folder or file, or none of a column in some split.
            RunError: a file is no array or damaged, or its length is not that of the others.
        """
        return self._opened(self._files(), wanted)

    def describe(self) -> SourceData:
        """The same, of every column: only the heads of files are read."""
        files = self._files()
        return self._opened(files, list(dict.fromkeys(name for some in files.values() for name in some)))

    def rules(self, config: Config) -> Iterator[Problem]:
        """Either a folder or files."""
        if self.path is None and self.columns is None:
            help = "write `path:` with a folder, or `columns:` with a file for each"
            yield Problem("missing-key", "no file is named", _KEY, label="needs `path` or `columns`", help=help)
        if self.path is not None and self.columns is not None:
            message = "`path` and `columns` both say which files are read"
            yield Problem("contradiction", message, (*_KEY, "columns"), label="keep one of them")

    def _opened(self, files: Files, wanted: Collection[str]) -> SourceData:
        every = list(dict.fromkeys(name for some in files.values() for name in some))
        read = [name for name in expanded(wanted, every) if name in every]
        chosen = {split: some for split, some in files.items() if not read or set(read) & set(some)}
        for split, some in chosen.items():
            if lacking := [name for name in read if name not in some]:
                message = f"the column `{lacking[0]}` has no file for the split `{split}`, and `{next(iter(some))}` has"
                raise self._problem(ConfigError, "missing-file", message, "add it, or leave that split out")
        arrays = {split: {name: self._mapped(some[name]) for name in read} for split, some in chosen.items()}
        sizes = {split: self._size(split, files[split], columns) for split, columns in arrays.items()}
        first = arrays.get("train") or next(iter(arrays.values()))
        title = Path(self.path).name if self.path is not None else next(iter(files[next(iter(files))].values())).name
        return SourceData(
            title,
            sizes,
            fields_of(first),
            arrays.__getitem__,
            others=tuple(name for name in every if name not in read),
            fingerprint=fingerprint({split: list(some.values()) for split, some in files.items()}, files),
        )

    def _files(self) -> Files:
        found: Files = {}
        if self.columns is not None:
            for name, given in self.columns.items():
                for split, path in ({"train": given} if isinstance(given, str) else given).items():
                    found.setdefault(split, {})[name] = Path(path)
            return found
        root = Path(self.path or "")
        must_be_folder(root, (*_KEY, "path"))
        for file in sorted(file for file in root.glob(f"*{ENDING}") if not file.name.startswith(".")):
            name, _, end = file.stem.rpartition("_")
            split, column = (SPLITS[end.lower()], name) if name and end.lower() in SPLITS else ("train", file.stem)
            some = found.setdefault(split, {})
            if column in some:
                message = f"{some[column].name} and {file.name} are both the column `{column}` of `{split}`"
                raise self._problem(ConfigError, "duplicate-column", message, "rename one of them")
            some[column] = file
        if not found:
            raise self._problem(ConfigError, "missing-file", f"there is no {ENDING} file in {root}", "check the path")
        return dict(sorted(found.items(), key=lambda pair: list(SPLITS.values()).index(pair[0])))

    def _mapped(self, path: Path) -> np.ndarray:
        """The array of a file.

        Raises:
            ConfigError: there is no such file.
            RunError: it is none that can be read.
        """
        if not path.is_file():
            nearby = [p.name for p in path.parent.glob(f"*{ENDING}")] if path.parent.is_dir() else []
            help = did_you_mean(path.name, nearby, "the folder has") if nearby else "check the path"
            what = f"{path} is a folder, a pipe or a device" if path.exists() else f"there is no file {path}"
            raise self._problem(ConfigError, "missing-file", what, help)
        with reported_as(lambda error: self._unreadable(path, error)):
            with path.open("rb") as file:
                begin = file.read(len(MAGIC))
            if begin != MAGIC:
                help = "save the array with numpy.save" + (
                    "; of an .npz file, write `kind: npz`" * (begin[:2] == b"PK")
                )
                raise self._problem(RunError, "damaged-data", f"{path} is no {ENDING} file", help)
            array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.ndim == 0 or array.dtype.kind == "V":
            what = "a single value" if array.ndim == 0 else "records of several fields"
            help = (
                "its first axis must count the examples" if array.ndim == 0 else "save each field in a file of its own"
            )
            raise self._problem(RunError, "field-type", f"{path} holds {what}", help)
        return array

    def _unreadable(self, path: Path, error: Exception) -> Problem:
        """What is wrong with a file that NumPy does not read: its head is a line of Python, with errors of that."""
        if "Python objects" in str(error):
            message = f"{path} holds Python objects, which are never unpickled"
            help = "save text with .astype(str), and numbers in rows of equal length"
            return Problem("field-type", message, self._key, help=help)
        message = f"{path} is damaged ({first_line(error)})"
        return Problem("damaged-data", message, self._key, help="make or copy it again")

    def _size(self, split: str, files: Mapping[str, Path], columns: Mapping[str, np.ndarray]) -> int:
        lengths = {name: len(array) for name, array in columns.items()}
        if len(set(lengths.values())) > 1:
            each = ", ".join(f"{files[name].name} has {length:,}" for name, length in lengths.items())
            message = f"the arrays of split `{split}` differ in length: {each}"
            raise self._problem(RunError, "length-mismatch", message, "give every column one row for each example")
        return next(iter(lengths.values()), 0)

    @property
    def _key(self) -> Key:
        return (*_KEY, "path" if self.columns is None else "columns")

    def _problem(self, error: type[DlkitError], code: str, message: str, help: str) -> DlkitError:
        return error(Problem(code, message, self._key, help=help))
