"""`kind: npz`: NumPy arrays in one file, named `<column>_<split>`: `x_train`, `y_train`, `x_test`, `y_test`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.base import FilePath
from dlkit.schema.column import is_pattern
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceSettings, expanded, fields_of
from dlkit.sources._files import must_be_file

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

_KEY = ("data", "source", "path")


class NpzSource(SourceSettings):
    """NumPy arrays in one `.npz` file, named `<column>_<split>`, as in `x_train`, `y_train`, `x_test`, `y_test`."""

    kind: Literal["npz"]
    path: FilePath = Field(description="The file; a relative path starts at the configuration's folder.")

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A file with such an ending."""
        file = asked.file(".npz")
        return SourceGuess(0.9, {"kind": "npz", "path": str(file)}, "NumPy arrays") if file else None

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The arrays of the wanted fields. A split exists where one of them does; then all of them must.

        Raises:
            ConfigError: no such file, or arrays are missing in it.
            RunError: it is not an .npz file, is damaged, or holds Python objects.
        """
        path = Path(self.path)
        splits, others = _read(path, wanted)
        sizes = {split: _common_size(path, split, columns) for split, columns in splits.items()}
        first = splits.get("train") or next(iter(splits.values()), {})
        return SourceData(path.name, sizes, fields_of(first), splits.__getitem__, others=others)

    def in_python(self) -> tuple[list[str], list[str]]:
        """The array of that name."""
        return [f"    with np.load({json.dumps(self.path)}) as file:", '        return file[f"{name}_{split}"]'], []


def _read(path: Path, wanted: Collection[str]) -> tuple[dict[str, dict[str, np.ndarray]], tuple[str, ...]]:
    """The arrays of the wanted fields by split, and the names of the other fields."""
    must_be_file(path, _KEY, (".npz",))
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise _problem(RunError, "not-npz", f"{path} holds no named arrays", "save it with numpy.savez")
            every = _fields(path, file.files, wanted)
            if not every:
                help = f"it has {', '.join(f'`{name}`' for name in file.files) or 'none'}"
                help += "; name them as in `x_train`, `y_train`, or save each in a `.npy` file of its own"
                raise _problem(ConfigError, "npz-names", f"{path} has no array named <column>_<split>", help)
            read = expanded(wanted, every)
            names = _by_split(path, file.files, read)
            arrays = {
                split: {field: _array(path, file, name) for field, name in fields.items()}
                for split, fields in names.items()
            }
            return arrays, tuple(field for field in every if field not in read)
    except PermissionError as error:
        raise _problem(ConfigError, "missing-file", f"{path} cannot be read ({error.strerror})", "check it") from None
    except DlkitError:
        raise
    except zipfile.BadZipFile as error:
        raise _problem(RunError, "damaged-data", f"{path} is damaged ({error})", "make or copy it again") from error
    except Exception as error:  # what is no archive at all: numpy raises ValueError, EOFError or UnpicklingError
        help = "save the arrays with numpy.savez(path, x_train=..., y_train=...)"
        raise _problem(RunError, "not-npz", f"{path} is not an .npz file that can be read", help) from error


def _array(path: Path, file: Any, name: str) -> np.ndarray:
    try:
        array: np.ndarray = file[name]
    except zipfile.BadZipFile:
        raise
    except ValueError as error:
        if "pickle" not in str(error):
            raise _problem(RunError, "damaged-data", f"`{name}` of {path} is damaged", "make it again") from error
        message = f"`{name}` of {path} holds Python objects, which are never unpickled"
        raise _problem(
            RunError, "field-type", message, "save text with .astype(str), and numbers in rows of equal length"
        ) from None
    except Exception as error:  # zlib.error, EOFError, struct.error
        raise _problem(RunError, "damaged-data", f"`{name}` of {path} is damaged", "make it again") from error
    if array.ndim == 0:
        message = f"`{name}` of {path} is a single value, not an array of examples"
        raise _problem(RunError, "field-type", message, "its first axis must count the examples")
    return array


def _fields(path: Path, names: Collection[str], wanted: Collection[str]) -> list[str]:
    """Every field: the arrays' names without the splits, which are those of the fields that are wanted by name."""
    plain = [name for name in wanted if not is_pattern(name)]
    splits = _by_split(path, names, plain) if plain else {name.rpartition("_")[2] for name in names}
    ends = [(name, f"_{split}") for name in names for split in splits]
    return list(dict.fromkeys(name.removesuffix(end) for name, end in ends if name.endswith(end) and name != end))


def _by_split(path: Path, names: Collection[str], wanted: Collection[str]) -> dict[str, dict[str, str]]:
    """Array names by split and field."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        for field in wanted:
            if name.startswith(f"{field}_") and name != f"{field}_":
                found.setdefault(name.removeprefix(f"{field}_"), {})[field] = name
    complete = {split for split, fields in found.items() if len(fields) == len(set(wanted))}
    # `image_raw_train` belongs to a column `image_raw`, not to `image` in a split `raw_train`.
    found = {split: fields for split, fields in found.items() if split in complete or "_" not in split or not complete}
    nowhere = [field for field in wanted if not any(field in fields for fields in found.values())]
    if nowhere and found:
        # Reported as columns that the source does not have, each at the setting that names it.
        return _by_split(path, names, [field for field in wanted if field not in nowhere])
    needed = found or {"train": {}}
    missing = [f"{field}_{split}" for split, fields in needed.items() for field in wanted if field not in fields]
    if missing:
        hints = [did_you_mean(missing[0], names, f"{path.name} has"), "arrays are named <column>_<split>"]
        listed = ", ".join(f"`{name}`" for name in missing)
        raise _problem(ConfigError, "npz-names", f"{path} has no array {listed}", "; ".join(hints))
    return found


def _common_size(path: Path, split: str, columns: dict[str, np.ndarray]) -> int:
    lengths = {f"{field}_{split}": len(array) for field, array in columns.items()}
    if len(set(lengths.values())) > 1:
        each = ", ".join(f"`{name}` has {length:,}" for name, length in lengths.items())
        message = f"the arrays of split `{split}` in {path} differ in length: {each}"
        raise _problem(RunError, "length-mismatch", message, "give every column one row for each example")
    return next(iter(lengths.values()), 0)


def _problem(error: type[DlkitError], code: str, message: str, help: str) -> DlkitError:
    return error(Problem(code, message, _KEY, help=help))
