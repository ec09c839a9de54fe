"""Tables that a model predicts for: files that a source reads as it read those of training."""

from __future__ import annotations

from pathlib import Path

from dlkit.config.names import did_you_mean
from dlkit.data.bound import Spec
from dlkit.evaluation.files import UnusableError, unusable
from dlkit.evaluation.from_arrays import ArrayFile, arrays_by_input
from dlkit.schema.column import fitting, is_pattern
from dlkit.schema.source import SOURCES, SourceData, SourceSettings, Wanted


def from_table(spec: Spec, path: Path, trained_on: SourceSettings | None) -> ArrayFile:
    """The columns of a table by input.

    Args:
        spec: of the model.
        path: of the file, whose ending is one of `dlkit.evaluation.files.table_endings`.
        trained_on: the source of its training, whose separator, missing words and the like hold for tables of its kind.

    Raises:
        UnusableError: if it cannot be read, or lacks a column.
    """
    with unusable(path):
        source = _opened(spec, path, trained_on)
        assert source.arrays is not None and source.place is not None
        (split,) = source.sizes
        columns, place = source.arrays(split), source.place
    _check_columns(spec, source)
    by_input = arrays_by_input(spec.inputs, columns, "column", [*columns, *source.others])
    return ArrayFile(by_input, lambda _, row: str(path.parent / place(split, row)), source.notes)


def _opened(spec: Spec, path: Path, trained_on: SourceSettings | None) -> SourceData:
    kind = next(name for name in SOURCES.names() if path.name.lower().endswith(SOURCES[name].table_endings))
    if trained_on is not None and trained_on.kind == kind:
        settings = trained_on.model_copy(update={"path": str(path)})
    else:
        settings = SOURCES[kind].model_validate({"kind": kind, "path": str(path)})
    wanted = {name: bound.settings.wanted(name) for name, bound in spec.inputs.items()}
    text = [column for name, bound in spec.inputs.items() if bound.dtype == "string" for column in wanted[name]]
    return settings.open_table(Wanted(tuple(column for columns in wanted.values() for column in columns), ()), text)


def _check_columns(spec: Spec, source: SourceData) -> None:
    """Refuse a table without a column, or with text in one of numbers.

    Raises:
        UnusableError: naming the column, or the first row.
    """
    for name, bound in spec.inputs.items():
        for wanted in bound.settings.wanted(name):
            columns = fitting(wanted, source.fields) if is_pattern(wanted) else [wanted]
            if not columns or columns[0] not in source.fields:
                names = [*source.fields, *source.others]
                raise UnusableError(f"it has no column `{wanted}`", did_you_mean(wanted, names, "it has"))
            for column in columns:
                why = source.fields[column].why_text
                if bound.dtype != "string" and why is not None:
                    words, help = why()
                    raise UnusableError(f"{words}, which is no number", help)
