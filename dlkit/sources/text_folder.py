"""`kind: text_folder`: text files in a folder for each class, such as `reviews/good/1.txt`."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from dlkit.config.problems import Problem, RunError
from dlkit.inputs._decode_text import decode_text, known_encoding
from dlkit.lazy import lazy
from dlkit.schema.base import FilePath
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, SourceSettings
from dlkit.sources._folders import Folders, class_folders
from dlkit.sources._guess_folder import guess_folder

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

_KEY = ("data", "source", "path")
SUFFIXES = (".txt",)


def _known(name: str) -> str:
    if not known_encoding(name):
        raise PydanticCustomError("value_error", "no encoding is called `{name}`", {"name": name})
    return name


class TextFolderSource(SourceSettings):
    """Text files, `.txt`, in a folder for each class, whose names are the labels: columns `text` and `label`.

    Above the folders of the classes may be folders `train`, `validation` and `test`; else all files are `train`. Files
    come in an order that their names decide and that mixes the classes.
    """

    also_called = "text_dataset, text_dataset_from_directory, texts"

    kind: Literal["text_folder"]
    path: FilePath = Field(description="The folder; a relative path starts at the configuration's folder.")
    encoding: Annotated[str, AfterValidator(_known)] | None = Field(
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
            ConfigError: there is no such folder.
            RunError: it holds no text files in folders of classes, or something that is no file.
        """
        root = Path(self.path)
        folders = class_folders(root, SUFFIXES, _KEY)

        @cache
        def arrays(split: str) -> dict[str, np.ndarray]:
            return {"text": self._texts(folders.files[split]), "label": np.array(folders.labels[split])}

        fields = {
            "text": SourceField((), "string", hint="text"),
            "label": SourceField((), "string", hint="category"),
        }
        return SourceData(
            root.name,
            {split: len(files) for split, files in folders.files.items()},
            fields,
            arrays,
            notes=_notes(root, folders),
            place=lambda split, row: folders.files[split][row].relative_to(root).as_posix(),
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
        raise RunError(Problem("bad-encoding", message, _KEY, help=help))


def _notes(root: Path, folders: Folders) -> tuple[str, ...]:
    """What was skipped, which classes there are, and which files are empty."""
    empty = [path for files in folders.files.values() for path in files if path.stat().st_size == 0]
    notes = [*folders.notes]
    if empty:
        first = empty[0].relative_to(root).as_posix()
        notes.append(f"{root.name}: {len(empty):,} files have no content, such as `{first}`")
    return tuple(notes)
