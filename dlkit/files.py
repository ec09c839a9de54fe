"""Files that are either whole or not there: written aside, flushed to the disk, renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from dlkit.config.problems import Problem, RunError

# What dlkit writes as JSON has some levels and some kilobytes; far more is made to fill the memory or the stack.
LARGEST_JSON = 16 * 2**20
DEEPEST_JSON = 100


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, for a file or a folder; it takes the name of `path` when the block ends well.

    A folder that stands under the name is replaced. After an error nothing is left of the attempt.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    remove(aside)
    try:
        yield aside
        _flush(aside)
        if aside.is_dir() and path.exists():
            # A folder cannot be renamed over a full one: the old one steps aside first, and goes last.
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            remove(old)
            path.rename(old)
            aside.rename(path)
            remove(old)
        else:
            aside.replace(path)
        _flush_folder(path.parent)
    finally:
        remove(aside)


@contextlib.contextmanager
def disk_errors(
    path: Path, needed: int, code: str = "file-not-written", help: str = "what was there before is untouched"
) -> Iterator[None]:
    """Within the block `path` is written; what the disk refuses becomes a `RunError` with sizes.

    Args:
        path: the file or folder.
        needed: its size in bytes, as far as it is known.
        code: of the problem.
        help: what became of the file that stood there.
    """
    try:
        yield
    except OSError as error:
        message = f"{path} could not be written: {error.strerror or error}"
        sizes = f"it needs {_size(needed)}"
        with contextlib.suppress(OSError):
            sizes += f", the disk has {_size(shutil.disk_usage(path.parent).free)} left"
        raise RunError(Problem(code, message, help=f"{sizes}; {help}")) from error


def write_text(path: Path, text: str) -> None:
    """Write a text file whole.

    Raises:
        RunError: if the disk refuses it; what stood there before is untouched.
    """
    with disk_errors(path, len(text)), written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole; errors are those of `write_text`."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_bytes(path: Path | str, limit: int = LARGEST_JSON) -> bytes:
    """The content of an ordinary file that may come from anybody.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no ordinary file (a pipe would be waited for without end), or larger than `limit` bytes.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=0) as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is no ordinary file")
        if about.st_size > limit:
            raise ValueError(f"it has {_size(about.st_size)}, more than the {_size(limit)} that dlkit reads")
        return file.read()


def parse_json(content: bytes) -> Any:
    """A JSON text as data.

    Raises:
        ValueError: if it is none, is no UTF-8, or is nested more than 100 levels deep.
    """
    try:
        value = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST_JSON:
            raise ValueError(f"it is nested more than {DEEPEST_JSON} levels deep")
        groups = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [item for group in groups for item in group if isinstance(item, dict | list)]
    return value


def check_npz(path: Path, *, packed: bool = False) -> None:
    """Judge a `.npz` archive by its numbers, before NumPy makes room for the arrays that it declares.

    Args:
        path: of the file.
        packed: whether its arrays may be compressed.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is none, holds Python objects, or declares arrays of another size than it holds.
    """
    import zipfile

    if path.exists() and not path.is_file():
        raise ValueError("it is no ordinary file")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) < len(names):
                raise ValueError("it holds an array twice")
            for member in archive.infolist():
                if member.flag_bits & 1:
                    raise ValueError(f"its array {member.filename!a} is encrypted")
                if not packed and member.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"its array {member.filename!a} is packed")
                with archive.open(member) as file:
                    check_npy(file, member.file_size)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"it is no whole archive of arrays: {error}") from error


def check_npy(file: IO[bytes], size: int) -> None:
    """Judge an array file by its first lines.

    Args:
        file: at its beginning.
        size: of all of it, in bytes.

    Raises:
        ValueError: if it is none, holds Python objects, or declares another size than it has.
    """
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its format {version[0]}.{version[1]} is unknown")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError(f"it declares an array of shape {shape}, and holds another number of bytes")


def append_text(path: Path, text: str) -> None:
    """Append to a text file; a killed process loses nothing of it, and after `wait_for_disk` neither does a machine.

    Raises:
        RunError: if the disk refuses it; a part of `text` may then stand at the end.
    """
    help = "free some space, then go on with --resume"
    with disk_errors(path, len(text), help=help), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def write_all(file: IO[bytes], content: memoryview) -> None:
    """Write all of some bytes to a file without a buffer, which may take a part at a time."""
    while content:
        content = content[file.write(content) :]


def wait_for_disk(*paths: Path) -> None:
    """Return when the disk has the contents of these files, those that are there.

    Raises:
        RunError: if it refuses them.
    """
    for path in paths:
        if path.exists():
            with disk_errors(path, 0):
                _flush(path)


def clear_remains(folder: Path) -> None:
    """Delete what writes that were cut off left in a folder; only while nothing else writes there.

    A folder that had stepped aside for a new one that never came takes its name again.
    """
    for old in folder.glob(".*.old"):
        place = old.with_name(old.name.removeprefix(".").rsplit(".", 2)[0])
        if not place.exists():
            old.rename(place)
    for remains in [*folder.glob(".*.partial*"), *folder.glob(".*.old")]:
        remove(remains)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


def _flush(path: Path) -> None:
    for part in [path, *path.rglob("*")] if path.is_dir() else [path]:
        if part.is_dir():
            _flush_folder(part)
        else:
            with part.open("rb") as file:
                os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make renames in a folder last; a file system that cannot is left alone."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with what is in it; nothing where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
