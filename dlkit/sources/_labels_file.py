"""Files of a folder with their labels in a CSV file: each row names a file, and each file is found or named."""

from __future__ import annotations

import csv
import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.sources._files import fingerprint, natural
from dlkit.sources._folders import Folders, Walk, must_be_folder, place_in_order

_KEY: Key = ("data", "source", "labels")
_ROOT: Key = ("data", "source", "path")


def labelled_files(root: Path, table: Path, suffixes: Collection[str], columns: tuple[str, str], what: str) -> Folders:
    """The files that a CSV file lists, as the one split `train`, in the same order as those of class folders.

    Args:
        root: the folder that their paths start at.
        table: the CSV file, in UTF-8.
        suffixes: how the names of the files end, in lower case.
        columns: names of that with their paths, and of that with their labels.
        what: such files are: `images`.

    Raises:
        ConfigError: there is no such folder, file or column.
        RunError: a row has no label, or names a file that is not there, is listed before, or lies outside; or there
            is a single class.
    """
    must_be_folder(root, _ROOT)
    paths: dict[Path, int] = {}
    labels = []
    absent: list[tuple[int, str]] = []
    for line, name, value in _rows(root, table, *columns):
        path = _path(root, table, line, name, suffixes)
        if not value:
            raise _refused(table, line, f"`{name}` has no label", "fill it in, or remove the row")
        if path is None:
            absent.append((line, name))
            continue
        if path in paths:
            raise _refused(
                table, line, f"`{name}` is listed in line {paths[path]} already", "remove one of the two rows"
            )
        paths[path] = line
        labels.append(value)
    if absent:
        raise _absent(root, table, absent)
    classes = tuple(sorted(set(labels), key=natural))
    if len(classes) < 2:
        message = f"{table} has the label `{classes[0]}` alone" if classes else f"{table} has no rows below its header"
        raise RunError(Problem("too-few-classes", message, _KEY, help=f"list {what} of two classes at least"))
    by_path = dict(zip(paths, labels, strict=True))
    files = {"train": sorted(paths, key=lambda path: place_in_order(path.relative_to(root).as_posix()))}
    labels = [by_path[path] for path in files["train"]]
    notes = _unlisted(root, suffixes, paths, table, what)
    return Folders(files, {"train": labels}, classes, notes, fingerprint(files, labels))


def _rows(root: Path, table: Path, file: str, label: str) -> Iterator[tuple[int, str, str]]:
    """The line, file and label of each row."""
    with _readable(root, table), table.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        header = [name.strip() for name in next(reader, [])]
        for name, setting in ((file, "file_column"), (label, "label_column")):
            if header.count(name) != 1:
                what = "two columns" if name in header else "no column"
                help = did_you_mean(name, header, "its columns are") + f"; `{setting}` names another"
                message = f"{table} has {what} `{name}`"
                raise ConfigError(Problem("unknown-column", message, ("data", "source", setting), help=help))
        at = header.index(file), header.index(label)
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                what = f"it has {len(row)} values, and the header has {len(header)}"
                raise _refused(table, reader.line_num, what, "put text with commas in quotes")
            yield reader.line_num, row[at[0]].strip(), row[at[1]].strip()


@contextmanager
def _readable(root: Path, table: Path) -> Iterator[None]:
    """Within the block the table is read; what goes wrong names it."""
    try:
        if table.exists() and not table.is_file():
            message = f"{table} is a folder, a pipe or a device, not a CSV file"
            raise ConfigError(Problem("missing-file", message, _KEY, help="check the path"))
        yield
    except FileNotFoundError:
        inside = root / table.name
        help = f"there is one in the folder of the files: `labels: {inside}`" if inside.is_file() else "check the path"
        raise ConfigError(Problem("missing-file", f"there is no file {table}", _KEY, help=help)) from None
    except OSError as error:
        message = f"{table} cannot be read ({error.strerror})"
        raise ConfigError(Problem("missing-file", message, _KEY, help="check its permissions")) from None
    except UnicodeDecodeError as error:
        message = f"{table} is no UTF-8 text (byte {error.start:,})"
        raise RunError(Problem("damaged-data", message, _KEY, help="save it as UTF-8")) from None
    except csv.Error as error:
        raise RunError(
            Problem("damaged-data", f"{table} is no CSV file ({error})", _KEY, help="save it again")
        ) from None


def _path(root: Path, table: Path, line: int, name: str, suffixes: Collection[str]) -> Path | None:
    """The file of a row; None where there is none.

    Raises:
        RunError: if it is none that may be read.
    """
    path = root / name
    if not name or "\0" in name:
        raise _refused(table, line, "it names no file", "fill it in, or remove the row")
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        what, help = f"`{name}` leaves the folder {root}", "write paths from that folder on"
        raise _refused(table, line, what, help, "unusable-file")
    try:
        if not path.resolve(strict=True).is_relative_to(root.resolve()):
            what = f"`{name}` is a link that leaves the folder {root}"
            raise _refused(table, line, what, "put the file itself there", "unusable-file")
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError) as error:  # Python before 3.13 raises RuntimeError for a circle of links
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number and number != errno.ELOOP else "a circle of links"
        raise _refused(table, line, f"`{name}` cannot be read ({why})", "remove it", "unusable-file") from None
    if not stat.S_ISREG(mode):
        raise _refused(
            table, line, f"`{name}` is a folder, a pipe or a device, not a file", "correct it", "unusable-file"
        )
    if path.suffix.lower() not in suffixes:
        what = f"`{name}` does not end in {', '.join(sorted(suffixes))}"
        raise _refused(table, line, what, "convert it, or remove the row", "unusable-file")
    return path


def _absent(root: Path, table: Path, absent: list[tuple[int, str]]) -> RunError:
    """The error for rows whose files are not there."""
    (line, name), count = absent[0], len(absent)
    folder = (root / name).parent
    nearby = [path.relative_to(root).as_posix() for path in folder.iterdir()] if folder.is_dir() else []
    help = did_you_mean(name, nearby, "the folder has") if nearby else "paths start at the folder that `path` names"
    more = f", nor the files of {count - 1:,} more rows" if count > 1 else ""
    return _refused(table, line, f"there is no file {root / name}{more}", help, "missing-file")


def _unlisted(
    root: Path, suffixes: Collection[str], listed: Collection[Path], table: Path, what: str
) -> tuple[str, ...]:
    """What is worth a line about files that no row lists, and about what was skipped."""
    walk = Walk(root, suffixes, _ROOT)
    others = [path for path in walk.files(root) if path not in listed]
    walk.skipped.pop(table, None)
    if not others:
        return tuple(walk.notes())
    listed_ones = f"{root.name}: {table.name} lists {len(listed):,} {what} and not {len(others):,} more, such as"
    return (f"{listed_ones} `{walk.relative(others[0])}`", *walk.notes())


def _refused(table: Path, line: int, what: str, help: str, code: str = "unusable-row") -> RunError:
    return RunError(Problem(code, f"{table}:{line}: {what}", _KEY, help=help))
