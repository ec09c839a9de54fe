"""`kind: image_folder`: image files in folders of classes, or with labels in a CSV file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dlkit.lazy import lazy
from dlkit.schema.features import in_words
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, cleans_unreadable
from dlkit.sources._class_folder import ClassFolderSettings
from dlkit.sources._guess_folder import guess_folder

if TYPE_CHECKING:
    import numpy as np

    from dlkit.inputs._decode_image import Header
else:
    np = lazy("numpy")

images = lazy("dlkit.inputs._decode_image")

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# Files whose headers are read at a time: where a disk is far away, waiting for it takes most of the time.
THREADS = 8


class ImageFolderSource(ClassFolderSettings):
    """Image files in a folder for each class, or in one folder with their labels in a CSV file. Its columns are `image`
    and `label`. Folders `train`, `validation` (or `val`) and `test` above those of the classes are splits.
    """

    also_called = "images, image_directory, imagefolder, folder, directory, flow_from_directory"

    kind: Literal["image_folder"]

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A folder, by the share of its files that are images."""
        return guess_folder("image_folder", asked, SUFFIXES, "images")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The paths of the images and their labels. The headers of all of them are read, and no pixels.

        Raises:
            ConfigError: there is no such folder or file, or no such column in it.
            RunError: images cannot be read, or are missing; there is no class, or a single one.
        """
        root = Path(self.path)
        found = self.found(SUFFIXES, "images")
        cleaned = cleans_unreadable(wanted)
        headers = self._headers([path for paths in found.files.values() for path in paths], cleaned=cleaned)
        columns = {
            split: {"image": np.array([str(path) for path in paths]), "label": np.array(found.labels[split])}
            for split, paths in found.files.items()
        }
        sizes: Mapping[str, int | None] = {split: len(paths) for split, paths in found.files.items()}
        return SourceData(
            root.name,
            sizes,
            {"image": _field(headers), "label": SourceField((), "string", found.classes)},
            columns.__getitem__,
            notes=(*found.notes, *_notes(root, headers)),
            place=lambda split, row: self.name_of(found.files[split][row]),
            fingerprint=found.fingerprint,
        )

    def _headers(self, paths: Sequence[Path], *, cleaned: bool) -> list[Header]:
        """What each file says of its image, those aside that cannot be read.

        Args:
            paths: of the files.
            cleaned: whether files that cannot be read are left out later.

        Raises:
            RunError: naming the files that are no images, unless they are left out later; or where no other is left.
        """

        def read(path: Path) -> Header | str:
            try:
                found: Header = images.read_header(path)
                return found
            except (ValueError, OSError) as error:
                return str(getattr(error, "strerror", None) or error)

        with ThreadPoolExecutor(THREADS) as threads:
            found = list(threads.map(read, paths, chunksize=64))
        unreadable = {path: why for path, why in zip(paths, found, strict=True) if isinstance(why, str)}
        if unreadable and (not cleaned or len(unreadable) == len(paths)):
            raise self.broken_files("unusable-image", "images", unreadable, len(paths), "make or copy them again")
        return [header for header in found if not isinstance(header, str)]


def _field(headers: Sequence[Header]) -> SourceField:
    """The column of images: a size and 16 bits where files have them, one channel where all are gray."""
    heights, widths = ({getattr(header, side) for header in headers} for side in ("height", "width"))
    size = [sides.pop() if len(sides) == 1 else None for sides in (heights, widths)]
    channels = 1 if all(header.gray for header in headers) else 3
    decoded = "uint16" if any(header.bits == 16 for header in headers) else "uint8"
    return SourceField((*size, channels), "string", encoding="image", decoded=decoded, hint="image")


def _notes(root: Path, headers: Sequence[Header]) -> list[str]:
    """What is not alike in all images, and what is done about it."""
    count = len(headers)
    sizes = sorted({(h.height, h.width) for h in headers}, key=lambda size: (size[0] * size[1], size))
    notes = []
    if len(sizes) > 1:
        notes.append(f"images of {len(sizes):,} sizes, from {in_words(sizes[0])} to {in_words(sizes[-1])}")
    for number, words in (
        (sum(header.turned for header in headers), "are turned as their EXIF data say"),
        (sum(not header.opaque for header in headers), "have transparent pixels, which show `background`"),
        (sum(header.gray for header in headers) % count, "are gray"),
        (sum(header.bits == 16 for header in headers), "have 16 bits, which are kept unless `bits` is 8"),
    ):
        if number:
            notes.append(f"{number:,} of {count:,} {words}")
    return [f"{root.name}: {'; '.join(notes)}"] if notes else []
