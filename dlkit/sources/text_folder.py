"""`kind: text_folder`: text files in folders of classes, or with labels in a CSV file."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import Problem, RunError
from dlkit.inputs._decode_text import decode_text
from dlkit.lazy import lazy
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField
from dlkit.sources._class_folder import KEY, ClassFolderSettings
from dlkit.sources._encodings import Encoding
from dlkit.sources._folders import Folders
from dlkit.sources._guess_folder import guess_folder

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

SUFFIXES = (".txt",)


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
        return guess_folder("text_folder", asked, SUFFIXES, "texts")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The texts and their labels; files are read when a split's arrays are first asked for.

        Raises:
            ConfigError: there is no such folder or file, or no such column in it.
            RunError: files are missing, or something is no file; there is no class, or a single one.
        """
        folders = self.found(SUFFIXES, "texts")

        @cache
        def arrays(split: str) -> dict[str, np.ndarray]:
            return {"text": self._texts(folders.files[split]), "label": np.array(folders.labels[split])}

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

    def _texts(self, files: list[Path]) -> np.ndarray:
        """The content of files, as Python's text: no file is as long as the longest."""
        found = np.empty(len(files), object)
        for number, path in enumerate(files):
            found[number] = self._text(path)
        return found

    def _text(self, path: Path) -> str:
        try:
            return decode_text(path.read_bytes(), self.encoding)
        except OSError as error:
            message, help = f"{path} cannot be read ({error.strerror})", "check its permissions, or remove it"
        except ValueError as error:
            message = f"{path} is not text in the encoding that is expected: {error}"
            help = "state how the files are written, as in `encoding: latin-1` or `encoding: gb18030`, or save it again"
        raise RunError(Problem("bad-encoding", message, KEY, help=help))

    def _notes(self, folders: Folders) -> tuple[str, ...]:
        """What was skipped, which classes there are, and which files are empty."""
        empty = [path for files in folders.files.values() for path in files if path.stat().st_size == 0]
        if not empty:
            return folders.notes
        what = f"{count(len(empty), 'file')} without content, such as `{self.name_of(empty[0])}`"
        return (*folders.notes, f"{Path(self.path).name}: {what}")
