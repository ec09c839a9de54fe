"""What sources of files with a class each share: folders of classes, or a CSV file with the class of each file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import Key, Problem, RunError
from dlkit.schema.base import FilePath, Text
from dlkit.schema.source import SourceSettings
from dlkit.sources._folders import Folders, class_folders
from dlkit.sources._labels_file import labelled_files

KEY: Key = ("data", "source", "path")
# How many unreadable files a message names.
NAMED = 10


class ClassFolderSettings(SourceSettings):
    """Files in a folder for each class, with folders of splits above them or not; or with labels in a CSV file."""

    path: FilePath = Field(description="The folder; a relative path starts at the configuration's folder.")
    labels: FilePath | None = Field(
        None, description="A CSV file with a row for each file, where folders do not say the class."
    )
    file_column: Text = Field("file", description="Column of `labels` with the paths of the files, from `path` on.")
    label_column: Text = Field("label", description="Column of `labels` with the class of each file.")

    def found(self, suffixes: Collection[str], what: str) -> Folders:
        """The files of each split, and their classes.

        Args:
            suffixes: how the names of such files end, in lower case.
            what: they are: `images`.

        Raises:
            ConfigError: there is no such folder or file, or no such column in it.
            RunError: files are missing or cannot be used; there is no class, or a single one.
        """
        if self.labels is None:
            return class_folders(Path(self.path), suffixes, KEY)
        columns = self.file_column, self.label_column
        return labelled_files(Path(self.path), Path(self.labels), suffixes, columns, what)

    def broken_files(self, code: str, what: str, files: Mapping[Path, str], total: int, help: str) -> RunError:
        """The error for files that cannot be read.

        Args:
            code: of the problem.
            what: the files should be: `images`.
            files: those that cannot be read, and why.
            total: the number of all files.
            help: what else can be done than to leave them out.
        """
        listed = "; ".join(f"{self.name_of(path)}: {why}" for path, why in list(files.items())[:NAMED])
        listed += f"; and {len(files) - NAMED:,} more" if len(files) > NAMED else ""
        message = f"{len(files):,} of {count(total, 'file')} in {self.path} cannot be read as {what}: {listed}"
        help += ", or leave them out with `data.clean: {drop: [unreadable]}`"
        return RunError(Problem(code, message, KEY, help=help))

    def name_of(self, path: Path) -> str:
        """How messages call a file: by its path from the folder on."""
        return path.relative_to(self.path).as_posix()
