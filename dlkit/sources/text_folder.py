"""`kind: text_folder`: text files in folders of classes, or with labels in a CSV file."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.inputs._decode_text import decode_text
from dlkit.lazy import lazy
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, Unreadable, cleans_unreadable
from dlkit.sources._class_folder import ClassFolderSettings
from dlkit.sources._encodings import Encoding, written_in
from dlkit.sources._folders import Folders
from dlkit.sources._guess_folder import guess_folder

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

SUFFIXES = (".txt",)
# Files of a folder whose encoding is looked at.
LOOKED_AT = 1_000


class TextFolderSource(ClassFolderSettings):
    """Text files, `.txt`, in a folder for each class, or in one folder with their labels in a CSV file. Its columns are
    `text` and `label`. Folders `train`, `validation` (or `val`) and `test` above those of the classes are splits.
    """

    also_called = "text_dataset, text_dataset_from_directory, texts"

    kind: Literal["text_folder"]
    encoding: Encoding | None = Field(
        None,
        description="How the files are written, such as `gb18030` or `latin-1`; null for UTF-8, or UTF-16 where a "
        "file looks so. A byte order mark decides before that.",
    )

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A folder, by the share of its files that are texts."""
        found = guess_folder("text_folder", asked, SUFFIXES, "texts")
        encoding = _encoding_below(asked.path) if found and asked.path and asked.path.is_dir() else ""
        if found is None or not encoding:
            return found
        reason = f"{found.reason}; most are not UTF-8, and look like `{encoding}`"
        return replace(found, settings={**found.settings, "encoding": encoding}, reason=reason)

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The texts and their labels; files are read when a split's arrays are first asked for.

        Raises:
            ConfigError: there is no such folder or file, or no such column in it.
            RunError: files are missing, or something is no file; there is no class, or a single one.
        """
        folders = self.found(SUFFIXES, "texts")
        cleaned = cleans_unreadable(wanted)

        @cache
        def arrays(split: str) -> dict[str, np.ndarray]:
            return {
                "text": self._texts(folders.files[split], cleaned=cleaned),
                "label": np.array(folders.labels[split]),
            }

        fields = {
            "text": SourceField((), "string", hint="text"),
            "label": SourceField((), "string", hint="category"),
        }
        return SourceData(
            Path(self.path).name,
            {split: len(files) for split, files in folders.files.items()},
            fields,
            arrays,
            notes=self._notes(folders),
            place=lambda split, row: self.name_of(folders.files[split][row]),
            fingerprint=f"{folders.fingerprint} {self.encoding}",
        )

    def _texts(self, files: Sequence[Path], *, cleaned: bool) -> np.ndarray:
        """The content of files, as Python's text: no file is as long as the longest.

        Args:
            files: of a split.
            cleaned: whether files that cannot be read are left out later.

        Raises:
            RunError: naming the files that cannot be read, unless they are left out later.
        """
        found, unreadable = np.empty(len(files), object), dict[Path, str]()
        for number, path in enumerate(files):
            try:
                found[number] = decode_text(path.read_bytes(), self.encoding)
            except (OSError, ValueError) as error:
                unreadable[path] = str(getattr(error, "strerror", None) or error)
                found[number] = Unreadable(unreadable[path])
        if unreadable and (not cleaned or len(unreadable) == len(files)):
            help = "state how they are written, as in `encoding: latin-1` or `encoding: gb18030`, save them again"
            raise self.broken_files("bad-encoding", "texts", unreadable, len(files), help)
        return found

    def _notes(self, folders: Folders) -> tuple[str, ...]:
        """What was skipped, which classes there are, and which files are empty."""
        empty = [path for files in folders.files.values() for path in files if path.stat().st_size == 0]
        if not empty:
            return folders.notes
        what = f"{count(len(empty), 'file')} without content, such as `{self.name_of(empty[0])}`"
        return (*folders.notes, f"{Path(self.path).name}: {what}")


def _encoding_below(folder: Path) -> str:
    """The encoding that has to be stated for most of the texts of a folder; empty for UTF-8."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file())
    found = Counter[str]()
    for path in islice(files, LOOKED_AT):
        with contextlib.suppress(OSError):  # which is reported with all others that cannot be read
            found[written_in(path)[0]] += 1
    most, number = found.most_common(1)[0] if found else ("", 0)
    return most if number * 2 > found.total() else ""
