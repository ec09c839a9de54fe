"""Folders of classes: what is found, in which order, what is skipped and said, and what is refused by name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.sources._files import natural
from dlkit.sources._folders import Folders, class_folders

KEY = ("data", "source", "path")


def made(root: Path, *names: str) -> Path:
    """A folder with these files."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the text of {name}")
    return root


def found(root: Path) -> Folders:
    return class_folders(root, (".txt",), KEY)


def refusal(error: type[DlkitError], root: Path) -> Problem:
    with pytest.raises(error) as caught:
        found(root)
    (problem,) = caught.value.problems
    assert problem.key == KEY and problem.help
    return problem


def test_classes_are_in_natural_order_and_every_file_has_the_label_of_its_folder(tmp_path: Path) -> None:
    made(tmp_path, *(f"{name}/{n}.txt" for name in (1, 10, 2) for n in range(9)), "2/deep/er/x.TXT")
    folders = found(tmp_path)
    assert folders.classes == ("1", "2", "10")
    labels = {path.relative_to(tmp_path).parts[0] for path in folders.files["train"]}
    assert labels == {"1", "2", "10"}
    pairs = zip(folders.files["train"], folders.labels["train"], strict=True)
    assert all(path.relative_to(tmp_path).parts[0] == label for path, label in pairs)
    assert len(folders.files["train"]) == 28 and not folders.notes


def test_the_order_mixes_classes_and_is_that_of_a_copy(tmp_path: Path) -> None:
    one = made(tmp_path / "one", *(f"{name}/{n}.txt" for name in "ab" for n in range(50)))
    shutil.copytree(one, tmp_path / "two")
    first, second = found(one), found(tmp_path / "two")
    assert first.labels == second.labels
    assert [p.relative_to(one) for p in first.files["train"]] == [
        p.relative_to(tmp_path / "two") for p in second.files["train"]
    ]
    assert set(first.labels["train"][:20]) == set(first.labels["train"][-20:]) == {"a", "b"}


def test_the_fingerprint_changes_with_names_sizes_and_times(tmp_path: Path) -> None:
    made(tmp_path, "a/1.txt", "b/1.txt")
    prints = [found(tmp_path).fingerprint]
    assert found(tmp_path).fingerprint == prints[0]
    (tmp_path / "a" / "1.txt").write_text("longer than it was before")
    prints.append(found(tmp_path).fingerprint)
    os.utime(tmp_path / "a" / "1.txt", ns=(1, 1))
    prints.append(found(tmp_path).fingerprint)
    (tmp_path / "b" / "1.txt").rename(tmp_path / "b" / "2.txt")
    prints.append(found(tmp_path).fingerprint)
    assert len(set(prints)) == 4


def test_splits_are_folders_of_their_own(tmp_path: Path) -> None:
    made(tmp_path, "train/a/1.txt", "train/b/1.txt", "Val/a/2.txt", "Val/b/2.txt", "test/a/3.txt", "README.md")
    folders = found(tmp_path)
    assert {split: sorted(labels) for split, labels in folders.labels.items()} == {
        "train": ["a", "b"], "validation": ["a", "b"], "test": ["a"],
    }  # fmt: skip
    assert any("README.md" in note for note in folders.notes)
    assert "test has no file of `b`" in folders.notes


def test_a_class_that_is_called_as_a_split_is_a_class(tmp_path: Path) -> None:
    made(tmp_path, "train/1.txt", "plane/1.txt", "test/1.txt")
    assert found(tmp_path).classes == ("plane", "test", "train")


def test_a_folder_beside_the_splits_is_skipped_and_said(tmp_path: Path) -> None:
    made(tmp_path, "train/a/1.txt", "train/b/1.txt", "test/a/1.txt", "test/b/1.txt", "notes/x/1.txt")
    folders = found(tmp_path)
    assert set(folders.files) == {"train", "test"}
    assert "1 beside the folders of splits, such as `notes`" in folders.notes[0]


def test_what_is_hidden_or_foreign_is_skipped_counted_and_said(tmp_path: Path) -> None:
    made(tmp_path, "a/1.txt", "b/1.txt", ".ipynb_checkpoints/1.txt", "__MACOSX/a/1.txt", "a/._1.txt", "b/x.docx",
         "stray.txt")  # fmt: skip
    (tmp_path / "empty").mkdir()
    folders = found(tmp_path)
    assert folders.classes == ("a", "b") and len(folders.files["train"]) == 2
    (note,) = folders.notes
    assert "3 hidden, such as `.ipynb_checkpoints`" in note
    for words in (
        "1 other than .txt, such as `b/x.docx`",
        "1 in no class folder, such as `stray.txt`",
        "1 without a .txt file, which makes no class, such as `empty`",
    ):
        assert words in note


def test_a_folder_that_is_not_there_or_no_folder(tmp_path: Path) -> None:
    made(tmp_path, "reviews/a/1.txt")
    problem = refusal(ConfigError, tmp_path / "review")
    assert problem.code == "missing-file" and "did you mean `reviews`?" in problem.help
    assert "is a file" in refusal(ConfigError, tmp_path / "reviews" / "a" / "1.txt").message
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert "is a link to nothing" in refusal(ConfigError, tmp_path / "link").message


def test_an_empty_a_flat_and_a_foreign_folder(tmp_path: Path) -> None:
    assert "it is empty" in refusal(RunError, tmp_path).help
    made(tmp_path, "a/1.jpg", "b/1.jpg")
    problem = refusal(RunError, tmp_path)
    assert problem.code == "no-class-folders" and "files that end in .jpg" in problem.help
    flat = refusal(RunError, made(tmp_path / "flat", "1.txt", "2.txt"))
    assert "has 2 .txt files, and no class folders" in flat.message
    splits = refusal(RunError, made(tmp_path / "splits", "train/1.txt", "test/2.txt"))
    assert "no class folders" in splits.message


def test_one_class_and_a_class_of_test_alone(tmp_path: Path) -> None:
    problem = refusal(RunError, made(tmp_path / "one", "a/1.txt"))
    assert problem.code == "too-few-classes" and "`a` alone" in problem.message
    made(tmp_path / "new", "train/a/1.txt", "train/b/1.txt", "test/c/1.txt")
    problem = refusal(RunError, tmp_path / "new")
    assert problem.code == "unknown-label"
    assert "test/c/1.txt" in problem.message and "training has `a`, `b`" in problem.help


def test_two_folders_for_one_split(tmp_path: Path) -> None:
    made(tmp_path, "train/a/1.txt", "train/b/1.txt", "val/a/1.txt", "valid/a/1.txt")
    assert "both mean validation" in refusal(RunError, tmp_path).message


def test_pipes_circles_of_links_and_links_that_leave_the_folder_are_named(tmp_path: Path) -> None:
    outside = made(tmp_path / "outside", "secret.txt")
    root = made(tmp_path / "root", "a/1.txt", "b/1.txt")
    thing = root / "a" / "thing.txt"

    def refused(says: str) -> None:
        problem = refusal(RunError, root)
        assert problem.code == "unusable-file" and str(thing) in problem.message and says in problem.message
        thing.unlink()

    os.mkfifo(thing)
    refused("is a pipe")
    thing.symlink_to(outside / "secret.txt")
    refused("leaves the folder")
    thing.symlink_to(outside)
    refused("leaves the folder")
    thing.symlink_to(thing)
    refused("circle of links")
    thing.symlink_to(root / "nothing.txt")
    refused("link to nothing")
    thing.symlink_to(root, target_is_directory=True)
    refused("a folder that it lies in")
    thing.symlink_to(root / "b", target_is_directory=True)
    assert len(found(root).files["train"]) == 3  # a link within the folder is what it leads to


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    made(tmp_path, "a/1.txt", "b/1.txt")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xff.txt")).write_text("x")
    problem = refusal(RunError, tmp_path)
    assert "not UTF-8" in problem.message
    problem.message.encode()


@given(st.permutations(["a", "A", "", "1", "01", "a1", "a01", "b", "²", "٣", "3", "1a", "a 2", "é"]))
def test_natural_order_is_one_order_however_names_come(names: list[str]) -> None:
    assert sorted(names, key=natural) == sorted(sorted(names), key=natural)


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_numbers_in_names_are_sorted_as_numbers(numbers: list[int]) -> None:
    assert sorted((f"x{n}.txt" for n in numbers), key=natural) == [f"x{n}.txt" for n in sorted(numbers)]
