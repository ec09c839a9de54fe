"""`kind: audio_folder`: sound files in folders of classes, or with labels in a CSV file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from dlkit.inputs._decode_audio import SUFFIXES
from dlkit.lazy import lazy
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField
from dlkit.sources._class_folder import ClassFolderSettings
from dlkit.sources._guess_folder import guess_folder

np = lazy("numpy")


class AudioFolderSource(ClassFolderSettings):
    """Sound files in a folder for each class, such as `yes/1.wav`, or in one folder with their labels in a CSV file.

    Its columns are `audio`, the sounds, and `label`. Folders `train`, `validation` (or `val`) and `test` above those of
    the classes are splits.
    """

    also_called = "sound_folder, audio, sounds, wav_folder, audio_dataset_from_directory"

    kind: Literal["audio_folder"]

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A folder, by the share of its files that are sounds."""
        return guess_folder("audio_folder", asked, SUFFIXES, "sounds")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The paths of the files and their classes; no file is read.

        Raises:
            ConfigError: there is no such folder or file, or no such column in it.
            RunError: files are missing; there is no class, or a single one.
        """
        found = self.found(SUFFIXES, "sounds")
        columns = {
            split: {"audio": np.array([str(path) for path in paths]), "label": np.array(found.labels[split])}
            for split, paths in found.files.items()
        }
        fields = {
            "audio": SourceField((), "string", encoding="audio", hint="audio"),
            "label": SourceField((), "string", classes=found.classes, hint="category"),
        }
        return SourceData(
            Path(self.path).name,
            {split: len(paths) for split, paths in found.files.items()},
            fields,
            columns.__getitem__,
            notes=found.notes,
            place=lambda split, row: self.name_of(found.files[split][row]),
            fingerprint=found.fingerprint,
        )
