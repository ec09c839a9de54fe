"""`kind: audio_folder`: sound files in a folder for each class, with folders of splits above them or not."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import Field

from dlkit.inputs._decode_audio import SUFFIXES
from dlkit.lazy import lazy
from dlkit.schema.base import FilePath
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, SourceSettings
from dlkit.sources._folders import class_folders
from dlkit.sources._guess_folder import guess_folder

np = lazy("numpy")


class AudioFolderSource(SourceSettings):
    """Sound files in a folder for each class: `yes/1.wav`, or `train/yes/1.wav` and `test/yes/2.wav`.

    Its columns are `audio`, the sounds, and `label`, the names of their folders.
    """

    also_called = "sound_folder, audio, sounds, wav_folder, audio_dataset_from_directory"

    kind: Literal["audio_folder"]
    path: FilePath = Field(description="The folder; a relative path starts at the configuration's folder.")

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A folder, by the share of its files that are sounds."""
        return guess_folder("audio_folder", asked, SUFFIXES, "sounds")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The paths of the files and their classes; no file is read.

        Raises:
            ConfigError: there is no such folder.
            RunError: it has no sound files in class folders.
        """
        root = Path(self.path)
        found = class_folders(root, SUFFIXES, ("data", "source", "path"))
        columns = {
            split: {"audio": np.array([str(path) for path in paths]), "label": np.array(found.labels[split])}
            for split, paths in found.files.items()
        }
        fields = {
            "audio": SourceField((), "string", encoding="audio", hint="audio"),
            "label": SourceField((), "string", classes=found.classes, hint="category"),
        }
        return SourceData(
            root.name,
            {split: len(paths) for split, paths in found.files.items()},
            fields,
            columns.__getitem__,
            notes=found.notes,
            place=lambda split, row: found.files[split][row].relative_to(root).as_posix(),
            fingerprint=found.fingerprint,
        )
