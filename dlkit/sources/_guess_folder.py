"""What `dlkit init` makes of a folder with a folder for each class, or with a table of labels."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from dlkit.schema.guess import Asked, SourceGuess
from dlkit.sources._folders import FOREIGN

# Files of a folder that are looked at to see what it holds.
LOOKED_AT = 10_000
# Tables of a folder that may have the labels of its files.
TABLES = 10
# Lines of a table that are looked at, and what the column with the class of each file is mostly called.
LINES = 1_000
LABELS = ("label", "class", "target", "category", "y")


def guess_folder(kind: str, asked: Asked, endings: Collection[str], what: str) -> SourceGuess | None:
    """A source of this kind, by the share of the files of a folder that are its own; None where there are none.

    Args:
        kind: of the source.
        asked: what was given to `dlkit init`.
        endings: of such files.
        what: such files are: `images`.
    """
    if (table := asked.file(".csv")) is not None:
        return _of_labels(kind, asked, table, endings, what)
    for beside in sorted(asked.path.glob("*.csv"))[:TABLES] if asked.path is not None and asked.path.is_dir() else ():
        if (found := _of_labels(kind, asked, beside, endings, what)) is not None:
            return found
    share = share_of(asked.path, endings)
    if asked.path is None or not share:
        return None
    settings = {"kind": kind, "path": str(asked.path)}
    reason, why = f"a folder of {what}, with a folder for each class", "the folder that a file is in"
    return SourceGuess(share * 0.9, settings, reason, target="label", why_target=why)


def _of_labels(kind: str, asked: Asked, table: Path, endings: Collection[str], what: str) -> SourceGuess | None:
    """The same by a CSV file, one of whose columns names such files in its folder; None where none does."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as text:
            rows = list(islice(csv.DictReader(text), LINES))
    except (OSError, UnicodeDecodeError, csv.Error):
        return None  # which the source of tables reports

    def names_files(column: str) -> bool:
        names = [row[column] or "" for row in rows]
        return all(name.lower().endswith(tuple(endings)) and (table.parent / name).is_file() for name in names)

    columns = [name for name in (rows[0] if rows else ()) if name]
    file = next((name for name in columns if names_files(name)), None)
    others = [name for name in columns if name != file]
    label = next((name for name in [asked.target, *LABELS] if name in others), others[0] if len(others) == 1 else None)
    if file is None or label is None:
        return None
    settings = {"kind": kind, "path": str(table.parent), "labels": str(table)}
    settings |= {"file_column": file} if file != "file" else {}
    settings |= {"label_column": label} if label != "label" else {}
    reason, why = f"{what} with their labels in a table: `{file}` names the files", f"what `{label}` says of each file"
    return SourceGuess(0.95, settings, reason, target="label", why_target=why, predicts=label)


def share_of(folder: Path | None, endings: Collection[str]) -> float:
    """The share of the files below a folder, hidden ones aside, whose names end so."""
    if folder is None or not folder.is_dir():
        return 0.0

    def names() -> Iterator[str]:
        for _, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != FOREIGN)
            yield from (name.lower() for name in files if not name.startswith("."))

    seen = list(islice(names(), LOOKED_AT))
    return sum(name.endswith(tuple(endings)) for name in seen) / max(1, len(seen))
