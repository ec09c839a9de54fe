"""Data that `dlkit init` cannot describe: one message, no traceback, and no file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

from tests.init.data import houses, people

Dlkit = Callable[..., Result]


def empty_folder(folder: Path) -> None:
    (folder / "data").mkdir()


def mixed_folder(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / "data" / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(folder / "data" / name / "1.png")
        (folder / "data" / name / "1.txt").write_text("some words")


def several_tables(folder: Path) -> None:
    (folder / "data").mkdir()
    houses(folder / "data" / "one.csv")
    houses(folder / "data" / "two.csv")


def one_class(folder: Path) -> None:
    (folder / "data" / "a").mkdir(parents=True)
    Image.new("L", (8, 8)).save(folder / "data" / "a" / "1.png")


def header_only(folder: Path) -> None:
    (folder / "data").write_text("")
    (folder / "data.csv").write_text("a,b,c\n")


def ids_alone(folder: Path) -> None:
    (folder / "data.csv").write_text("id,when\n" + "".join(f"k{n},2020-01-{n % 28 + 1:02}\n" for n in range(40)))


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "data.csv")


def circle(folder: Path) -> None:
    (folder / "data.csv").symlink_to(folder / "data.csv")


def one_column(folder: Path) -> None:
    (folder / "data.csv").write_text("y\n" + "".join(f"{n % 3}\n" for n in range(40)))


def foreign(folder: Path) -> None:
    (folder / "data.pdf").write_bytes(b"%PDF-1.4")


@pytest.mark.parametrize(
    ("make", "given", "words"),
    [
        (empty_folder, "data", ["unknown-data", "holds no files"]),
        (empty_folder, "dat", ["missing-file", "did you mean `data`"]),
        (empty_folder, "win", ["missing-file", "did you mean `wine`"]),
        (mixed_folder, "data", ["mixed-folder", "50% as a folder of images", "50% as a folder of texts"]),
        (several_tables, "data", ["unknown-data", "2 files (2 `.csv`)", "name one of its files"]),
        (one_class, "data", ["error", "`a`"]),
        (header_only, "data.csv", ["no-rows", "data.csv"]),
        (ids_alone, "data.csv", ["nothing-to-learn", "`id`, `when`"]),
        (one_column, "data.csv", ["nothing-to-learn", "predict `y` from"]),
        (pipe, "data.csv", ["missing-file", "data.csv is a pipe or a device"]),
        (circle, "data.csv", ["missing-file", "data.csv is a link that leads to nothing"]),
        (foreign, "data.pdf", ["unknown-data", "data.pdf"]),
    ],
)
def test_data_that_cannot_be_described(
    dlkit: Dlkit, tmp_path: Path, make: Callable[[Path], None], given: str, words: list[str]
) -> None:
    make(tmp_path)
    result = dlkit("init", given)
    assert result.exit_code in (1, 2)
    assert "internal error" not in result.stderr
    for word in words:
        assert word in " ".join(result.stderr.split())
    assert not list(tmp_path.glob("*.yaml"))


def test_a_target_that_there_is_not(dlkit: Dlkit, tmp_path: Path) -> None:
    people(tmp_path / "people.csv")
    result = dlkit("init", "people.csv", "--target", "incom")
    assert result.exit_code == 2
    assert "did you mean `income`" in result.stderr


def test_a_file_that_is_there_stays_unless_it_is_asked_for(dlkit: Dlkit, tmp_path: Path) -> None:
    houses(tmp_path / "houses.csv")
    (tmp_path / "houses.yaml").write_text("mine")
    refused = dlkit("init", "houses.csv")
    assert refused.exit_code == 2 and "file-exists" in refused.stderr
    assert (tmp_path / "houses.yaml").read_text() == "mine"
    assert dlkit("init", "houses.csv", "--force").exit_code == 0
    assert "price" in (tmp_path / "houses.yaml").read_text()


def test_without_data(dlkit: Dlkit) -> None:
    assert "needs data" in dlkit("init").stderr
