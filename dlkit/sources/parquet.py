"""`kind: parquet`: tables in Parquet files; one file, a folder of them, or some for each split."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.causes import first_line, reported_as
from dlkit.config.problems import Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, SourceSettings, expanded
from dlkit.sources import _tables
from dlkit.sources._arrow import Column, UnreadableError, column_of, field_of, joined
from dlkit.sources._files import fingerprint
from dlkit.sources._guess_folder import share_of

np, pa, pq, dataset = lazy("numpy"), lazy("pyarrow"), lazy("pyarrow.parquet"), lazy("pyarrow.dataset")

ENDINGS = (".parquet", ".pq", ".parq")


class ParquetSource(SourceSettings):
    """Tables in Parquet files."""

    also_called = "pq, parq, arrow, parquet_file"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        "path": "file, files, paths, filename, file_name, filepath, folder, directory, data_path"
    }

    table_endings = ENDINGS

    kind: Literal["parquet"]
    path: _tables.Paths = Field(
        description='A file, a folder of files, a pattern such as `"data/*.parquet"`, a list of them, or one for each '
        "split: `{train: a.parquet, test: b.parquet}`. Without splits, all rows are those of `train`. Folders such as "
        "`year=2020` are a column, `year`."
    )

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A file with such an ending, or a folder of them."""
        if (file := asked.file(*ENDINGS)) is not None:
            return SourceGuess(0.9, {"kind": "parquet", "path": str(file)}, "a Parquet file")
        splits = _tables.splits_in(asked.path, ENDINGS)
        if "train" in splits and len(splits) > 1:
            paths = {split: str(path) for split, path in splits.items()}
            return SourceGuess(0.9, {"kind": "parquet", "path": paths}, "a folder with a Parquet file for each split")
        share = share_of(asked.path, ENDINGS)
        if asked.path is None or not share:
            return None
        return SourceGuess(share * 0.9, {"kind": "parquet", "path": str(asked.path)}, "a folder of Parquet files")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The wanted columns of every file; others are not read.

        Raises:
            ConfigError: a file that is not there.
            RunError: a file that cannot be read, or whose columns differ from those of another.
        """
        opened = _Files(self.path)
        read = [name for name in expanded(wanted, opened.names) if name in opened.names]
        _tables.same_columns(opened.columns, read, opened.called)
        arrays: dict[str, dict[str, Any]] = {split: {} for split in opened.by_split}
        fields: dict[str, SourceField] = {}
        for name in read:
            columns = {split: opened.column(split, name) for split in opened.by_split}
            fields[name] = _common(name, columns)
            for split, column in columns.items():
                if column.array is not None:
                    numbers = column.array.dtype.kind not in "MOU"
                    arrays[split][name] = (
                        column.array.astype(fields[name].dtype, copy=False) if numbers else column.array
                    )
        return opened.data(fields, arrays)

    def describe(self) -> SourceData | None:
        """What the ends of the files say; None where the values of a column must be seen."""
        opened = _Files(self.path)
        schemas = [footer.schema.to_arrow_schema() for footer in opened.footers.values()]
        fields = {name: field_of(schemas[0].field(name).type) for name in schemas[0].names}
        first = next(iter(opened.keys.values()))
        fields |= {name: field_of(value.type) for name, value in first.items() if name not in fields}
        known = {name: field for name, field in fields.items() if field is not None}
        return opened.data(known, {}) if len(known) == len(fields) else None


class _Files:
    """The files of a source, of which only the ends are read at first."""

    def __init__(self, path: Any) -> None:
        self.by_split = _tables.files_of(path, ENDINGS, folders=True)
        self.called = _tables.names_of(self.by_split)
        self.footers = {file: _footer(file, name) for file, name in self.called.items()}
        self.keys = _keys(self.called)
        self.columns = {
            file: [*(names := footer.schema.to_arrow_schema().names), *(k for k in self.keys[file] if k not in names)]
            for file, footer in self.footers.items()
        }
        self.names = list(dict.fromkeys(name for names in self.columns.values() for name in names))
        for file, names in self.columns.items():
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise _broken(
                    "duplicate-column", f"{self.called[file]} has two columns `{twice}`", "rename one of them"
                )
        for split, files in self.by_split.items():
            if not sum(self.footers[file].num_rows for file in files):
                raise _broken(
                    "no-rows", f"{self.called[files[0]]}, of split `{split}`, has no rows", "choose other files"
                )

    def column(self, split: str, name: str) -> Column:
        """One column of all files of a split.

        Raises:
            RunError: for values that no array holds, or other types in one file than in another.
        """
        columns = []
        for file in self.by_split[split]:
            with _unreadable(self.called[file], name):
                columns.append(column_of(self._values(file, name)))
        _common(name, dict(zip((self.called[file] for file in self.by_split[split]), columns, strict=True)))
        with _unreadable(f"split `{split}`", name):
            return joined(columns)

    def _values(self, file: Path, name: str) -> Any:
        if name in self.keys[file] and name not in self.footers[file].schema.to_arrow_schema().names:
            return pa.repeat(self.keys[file][name], self.footers[file].num_rows)
        with _damage_of(self.called[file]):
            return pq.read_table(file, columns=[name], partitioning=None, page_checksum_verification=True).column(0)

    def data(self, fields: Mapping[str, SourceField], arrays: Mapping[str, Mapping[str, Any]]) -> SourceData:
        """The source with these columns."""
        sizes = {split: [(f, self.footers[f].num_rows) for f in files] for split, files in self.by_split.items()}
        return SourceData(
            _tables.title(self.by_split),
            {split: sum(size for _, size in some) for split, some in sizes.items()},
            fields,
            arrays.__getitem__,
            others=tuple(name for name in self.names if name not in fields),
            place=_tables.places(sizes, lambda file, row: f"{self.called[file]}, row {row + 1}"),
            fingerprint=fingerprint(self.by_split),
        )


def _keys(files: Collection[Path]) -> dict[Path, Mapping[str, Any]]:
    """What the folders of each file say, as in `year=2020/part-0.parquet`: values of Arrow's by name."""
    if not any("=" in folder for file in files for folder in file.parts[:-1]):
        return {file: {} for file in files}
    found = dataset.dataset([str(file) for file in files], format="parquet", partitioning="hive")
    types = {field.name: field.type for field in found.partitioning.schema}
    keys = {Path(part.path): dataset.get_partition_keys(part.partition_expression) for part in found.get_fragments()}
    return {
        file: {name: pa.scalar(keys[file][name], types[name]) for name in types if name in keys[file]} for file in files
    }


def _common(name: str, columns: Mapping[str, Column]) -> SourceField:
    """What a column is in all files or splits, by their names.

    Raises:
        RunError: if it is numbers in one and text in another.
    """
    (first, one), *others = columns.items()
    for where, other in others:
        if _family(one) != _family(other):
            message = f"column `{name}` holds {one.field.dtype} in {first}, and {other.field.dtype} in {where}"
            raise _broken("mixed-types", message, "give the column one type in every file")
    ragged, dtypes = any(c.field.ragged for c in columns.values()), [c.field.dtype for c in columns.values()]
    if _family(one) == "numbers":
        return replace(one.field, ragged=ragged, dtype=str(np.result_type(*dtypes)))
    return one.field


def _family(column: Column) -> str:
    """What can be joined with its like."""
    if column.array is None or column.array.dtype.kind in "MOU":
        return column.field.dtype
    return "numbers"


def _footer(file: Path, called: str) -> Any:
    with _damage_of(called):
        return pq.read_metadata(file)


def _damage_of(called: str) -> Any:
    """Within the block, what Arrow raises is reported with the file's name."""

    def problem(error: Exception) -> Problem:
        message = f"{called} is damaged, or no Parquet file ({first_line(error)})"
        return Problem("damaged-data", message, _tables.KEY, help="make or copy it again")

    return reported_as(problem)


@contextmanager
def _unreadable(where: str, name: str) -> Iterator[None]:
    try:
        yield
    except UnreadableError as error:
        raise _broken("field-type", f"{where}, column `{name}`: {error}", error.help) from None


def _broken(code: str, message: str, help: str) -> RunError:
    return RunError(Problem(code, message, _tables.KEY, help=help))
