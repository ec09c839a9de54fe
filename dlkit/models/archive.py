"""What a `.keras` archive says of itself, read and judged before Keras opens it: an archive may come from anybody.

Nothing here imports, builds or allocates what the archive names. See also `foreign` (whose classes it names) and
`sizes` (how much memory it would need).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlkit.files import LARGEST_JSON, parse_json
from dlkit.models.foreign import foreign_parts
from dlkit.models.sizes import check_numbers, check_sizes, stored_values

CONFIG, WEIGHTS, ABOUT = "config.json", "model.weights.h5", "dlkit.json"
MEMBERS = {"metadata.json", CONFIG, WEIGHTS, ABOUT}
# Vocabularies, which Keras keeps beside the weights.
ASSET = re.compile(r"assets(/[\w .-]+)*/?")
MOST_MEMBERS = 1000
# Keras stores members as they are; one that somebody packed again shrinks by far less than this.
LARGEST_EXPANSION = 20
SMALL = 2**20
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


class ForeignError(ValueError):
    """The archive names code that is not Keras's own.

    Attributes:
        parts: what it names.
    """

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts
        super().__init__(", ".join(parts))


@dataclass(frozen=True)
class Archive:
    """What an archive says.

    Attributes:
        config: of the model, as Keras reads it.
        about: of `dlkit.json`; None where there is none.
    """

    config: dict[str, Any]
    about: Any


def read_archive(path: Path, *, trust: bool = False) -> Archive:
    """Read and judge an archive.

    Args:
        path: an ordinary file.
        trust: let classes and functions pass that are not Keras's, and do not measure what they would need.

    Raises:
        ForeignError: if it names other code than Keras's layers, metrics, losses and optimizers.
        ValueError, OSError, zipfile.BadZipFile: if it is damaged, or asks for more than its size can hold.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        _check_members(archive, path.stat().st_size)
        bad = archive.testzip()
        if bad is not None:
            raise ValueError(f"its member {bad} is damaged")
        config = _json(archive, CONFIG)
        if not isinstance(config, dict):
            raise ValueError(f"its {CONFIG} does not describe a model")
        _check_names(config)
        if not trust and (parts := foreign_parts(config)):
            raise ForeignError(parts)
        stored = stored_values(archive, WEIGHTS)
        if not trust:
            check_numbers(config)
            check_sizes(config, stored)
        about = _json(archive, ABOUT) if ABOUT in archive.namelist() else None
    return Archive(config, about)


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    """Judge the directory of the archive, before any member is read."""
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise ValueError(f"it has {len(members):,} members")
    names = [member.filename for member in members]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"it holds {twice[0]} twice")
    for needed in (CONFIG, WEIGHTS):
        if needed not in names:
            raise ValueError(f"it has no {needed}")
    for member in members:
        if member.filename not in MEMBERS and (not ASSET.fullmatch(member.filename) or ".." in member.filename):
            raise ValueError(f"Keras writes no member {member.filename!a}")
        if member.flag_bits & 1:
            raise ValueError(f"its member {member.filename} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"its member {member.filename} is packed in a way that Keras does not use")
        if member.file_size > LARGEST_EXPANSION * member.compress_size + SMALL:
            raise ValueError(f"its member {member.filename} would grow from {member.compress_size:,} bytes "
                             f"to {member.file_size:,}")  # fmt: skip
        if member.filename.endswith(".json") and member.file_size > LARGEST_JSON:
            raise ValueError(f"its {member.filename} is far larger than that of any network")
    # Members that share their bytes would grow to more than any of them alone.
    if sum(member.compress_size for member in members) > size:
        raise ValueError("its members overlap")


def _json(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return parse_json(archive.read(name))
    except ValueError as error:
        raise ValueError(f"its {name} cannot be read: {error}") from error


def _check_names(config: dict[str, Any]) -> None:
    """Refuse names of layers that would move a cursor, or be a path."""
    for key, value in items(config):
        if key == "name" and isinstance(value, str) and (UNPRINTABLE.search(value) or len(value) > 1000):
            raise ValueError(f"it names a part {value[:60]!a}")


def items(config: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of a JSON value, at whatever depth, without recursion."""
    left = [config]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield from part.items()
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)
