"""Folders of classes, `cats/1.jpg`, with folders of splits above them or not: which files there are, and their labels.

Files come in an order that their names alone decide and that mixes the classes, so that a slice such as `train[:90%]`
holds every class, and stays the same when the folder is copied.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.sources._files import fingerprint, natural

# Names of the folders of splits, by the split that they are.
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# A folder that archives of macOS have beside the files.
FOREIGN = "__MACOSX"
# Why entries are skipped.
HIDDEN = "hidden"
OTHER = "other than {kinds}"
OUTSIDE = "in no class folder"
EMPTY = "without a {kinds} file, which makes no class"
OTHER_FOLDER = "beside the folders of splits"


@dataclass(frozen=True)
class Folders:
    """What is in folders of classes.

    Attributes:
        files: by split; the files of a split in the order of its rows.
        labels: by split, the class of each file.
        classes: every class in natural order: 1, 2, 10.
        notes: lines to show the user: what was skipped.
        fingerprint: changes with the names, sizes and times of the files, and with labels that a file gives.
    """

    files: dict[str, list[Path]]
    labels: dict[str, list[str]]
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    fingerprint: str


def class_folders(root: Path, suffixes: Collection[str], key: Key) -> Folders:
    """The files of a folder with a folder for each class, or with those in folders `train`, `validation` and `test`.

    Files below a class folder are of its class, however deep they lie. What is hidden, and files of other kinds, are
    skipped and said.

    Args:
        root: the folder.
        suffixes: how the names of the files end, in lower case, such as `.txt`; upper case is found too.
        key: path of the setting that names the folder.

    Raises:
        ConfigError: there is no such folder.
        RunError: it has no files in class folders, a single class, a test class that training does not have, or
            something that is no file.
    """
    walk = Walk(root, suffixes, key)
    top = walk.folders(root)
    splits = _splits(walk, top)
    found = {split: _classes(walk, folder) for split, folder in (splits or {"train": root}).items()}
    if not any(found.values()):
        raise walk.nothing()
    classes = _known_classes(walk, found)
    files: dict[str, list[Path]] = {}
    labels: dict[str, list[str]] = {}
    for split, by_class in found.items():
        pairs = [(path, name) for name, paths in by_class.items() for path in paths]
        pairs.sort(key=lambda pair: place_in_order(walk.relative(pair[0])))
        files[split], labels[split] = [path for path, _ in pairs], [name for _, name in pairs]
    missing = [
        f"{split} has no file of {_listed([name for name in classes if name not in by_class])}"
        for split, by_class in found.items()
        if not by_class.keys() >= set(classes)
    ]
    return Folders(files, labels, classes, (*walk.notes(), *missing), fingerprint(files))


def must_be_folder(root: Path, key: Key) -> None:
    """Refuse what is no folder that can be read.

    Raises:
        ConfigError: saying what it is.
    """
    if root.is_dir():
        return
    if root.exists() or root.is_symlink():
        what = "is a file" if root.is_file() else "is a link to nothing" if root.is_symlink() else "is no folder"
        raise ConfigError(Problem("missing-file", f"{root} {what}", key, help="name the folder that holds the files"))
    nearby = [path.name for path in root.parent.iterdir() if path.is_dir()] if root.parent.is_dir() else []
    help = did_you_mean(root.name, nearby, f"{root.parent} has") if nearby else "check the path"
    raise ConfigError(Problem("missing-file", f"there is no folder {root}", key, help=help))


@dataclass
class Walk:
    """A walk through a folder that remembers what it skipped, and why."""

    root: Path
    suffixes: Collection[str]
    key: Key
    skipped: dict[Path, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        must_be_folder(self.root, self.key)
        self.real = self.root.resolve()
        self.kinds = " or ".join(sorted(self.suffixes))

    def relative(self, path: Path) -> str:
        """A path as it is named in messages, from the root on."""
        return path.relative_to(self.root).as_posix()

    def folders(self, folder: Path) -> list[Path]:
        """The folders in a folder, in natural order. Its own files are of no class."""
        found = []
        for path, is_folder in self._entries(folder):
            if is_folder:
                found.append(path)
            else:
                self.skipped[path] = OUTSIDE if self._fits(path) else OTHER
        return found

    def files(self, folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
        """Every file with one of the suffixes in a folder and below it, in natural order."""
        above = (*above, folder.resolve())
        for path, is_folder in self._entries(folder):
            if is_folder:
                if any(one.is_relative_to(path.resolve()) for one in above):
                    raise self.refused(path, "is a link to a folder that it lies in", "remove the link")
                yield from self.files(path, above)
            elif self._fits(path):
                yield path
            else:
                self.skipped[path] = OTHER

    def refused(self, path: Path, what: str, help: str, code: str = "unusable-file") -> RunError:
        """The error for the root, or for a path below it."""
        name = str(path).encode("utf-8", "backslashreplace").decode()
        return RunError(Problem(code, f"{name} {what}", self.key, help=help))

    def nothing(self) -> RunError:
        """The error for a folder without files in class folders."""
        outside = sum(why == OUTSIDE for why in self.skipped.values())
        if outside:
            what = f"has {outside:,} {self.kinds} files, and no class folders that hold any"
            help = "put the files of each class in a folder of its own, with the name of the class"
            return self.refused(self.root, what, help, "no-class-folders")
        ends = sorted({path.suffix.lower() for path, why in self.skipped.items() if why == OTHER and path.suffix})
        help = f"it has files that end in {', '.join(ends)}" if ends else "it is empty: check the path"
        return self.refused(self.root, f"has no {self.kinds} file", help, "no-class-folders")

    def notes(self) -> list[str]:
        """What was skipped, by reason, with an example of each."""
        parts = []
        for why in (HIDDEN, OTHER, OUTSIDE, EMPTY, OTHER_FOLDER):
            paths = [path for path, reason in self.skipped.items() if reason == why]
            if paths:
                words = why.format(kinds=self.kinds)
                parts.append(f"{len(paths):,} {words}, such as `{self.relative(paths[0])}`")
        return [f"{self.root.name}: skipped {'; '.join(parts)}"] if parts else []

    def _fits(self, path: Path) -> bool:
        return path.suffix.lower() in self.suffixes

    def _entries(self, folder: Path) -> list[tuple[Path, bool]]:
        """What is in a folder and not hidden, in natural order, and whether it is a folder."""
        try:
            paths = sorted(folder.iterdir(), key=lambda path: natural(path.name))
        except OSError as error:
            raise self.refused(folder, f"cannot be read ({error.strerror})", "check its permissions") from None
        found = []
        for path in paths:
            if path.name.startswith(".") or path.name == FOREIGN:
                self.skipped[path] = HIDDEN
                continue
            mode = self._mode(path)
            if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
                found.append((path, stat.S_ISDIR(mode)))
            elif self._fits(path):
                raise self.refused(path, "is a pipe or a device, not a file", "remove it")
            else:
                self.skipped[path] = OTHER
        return found

    def _mode(self, path: Path) -> int:
        """What a path leads to, which has to lie in the folder and to have a name that can be written down."""
        try:
            path.name.encode()
            if path.is_symlink() and not path.resolve(strict=True).is_relative_to(self.real):
                help = "put the files themselves there, or let `path:` name the folder that they are in"
                raise self.refused(path, "is a link that leaves the folder", help)
            return path.stat().st_mode
        except UnicodeEncodeError:
            raise self.refused(path, "has a name that is not UTF-8", "rename it") from None
        except FileNotFoundError:
            raise self.refused(path, "is a link to nothing", "remove it") from None
        except (OSError, RuntimeError) as error:  # Python before 3.13 raises RuntimeError for a circle of links
            number = getattr(error, "errno", None)
            why = os.strerror(number) if number and number != errno.ELOOP else "a circle of links"
            raise self.refused(path, f"cannot be read ({why})", "remove it, or check its permissions") from None


def _splits(walk: Walk, top: list[Path]) -> dict[str, Path]:
    """The folders of splits by split; empty where the folders at the top are classes.

    They are splits where nothing stands beside them, or where several of them have folders of their own.
    """
    named = [path for path in top if path.name.lower() in SPLITS]
    others = [path for path in top if path not in named]
    if not named or (others and (len(named) < 2 or not all(_has_folders(path) for path in named))):
        return {}
    found: dict[str, Path] = {}
    for path in named:
        split = SPLITS[path.name.lower()]
        if split in found:
            what = f"stands beside `{found[split].name}`, and both mean {split}"
            raise walk.refused(path, what, "keep one of them", "no-class-folders")
        found[split] = path
    walk.skipped |= dict.fromkeys(others, OTHER_FOLDER)
    return {split: found[split] for split in ("train", "validation", "test") if split in found}


def _has_folders(folder: Path) -> bool:
    return any(path.is_dir() and not path.name.startswith(".") for path in folder.iterdir())


def _classes(walk: Walk, folder: Path) -> dict[str, list[Path]]:
    """The files of each class of a split, classes in natural order."""
    found = {}
    for path in walk.folders(folder):
        files = list(walk.files(path))
        if files:
            found[path.name] = files
        else:
            walk.skipped[path] = EMPTY
    return found


def _known_classes(walk: Walk, found: Mapping[str, Mapping[str, list[Path]]]) -> tuple[str, ...]:
    """The classes of training, or of all splits where there is no training.

    Raises:
        RunError: if there is a single one, or a split has others.
    """
    every = dict.fromkeys(sorted({name for by_class in found.values() for name in by_class}, key=natural))
    classes = tuple(name for name in every if name in found.get("train", every))
    new = next(((split, name) for split, names in found.items() for name in names if name not in classes), None)
    if new is not None and classes:
        split, name = new
        files = found[split][name]
        what = f"is of the class `{name}`, which training does not have ({len(files):,} files of {split})"
        raise walk.refused(files[0], what, f"training has {_listed(classes)}", "unknown-label")
    if len(classes) < 2:
        what = f"has class folders with files for `{classes[0]}` alone" if classes else "has no files for training"
        help = "there is nothing to distinguish: `path:` names the folder above those of the classes"
        raise walk.refused(walk.root, what, help, "too-few-classes")
    return classes


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 12:,} more" if len(names) > 12 else ""
    return ", ".join(f"`{name}`" for name in names[:12]) + more


def place_in_order(name: str) -> bytes:
    """What the files of a split are sorted by: as good as random, and decided by their names alone."""
    return hashlib.sha256(name.encode()).digest()
