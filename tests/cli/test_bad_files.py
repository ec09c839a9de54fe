"""Bad files through `dlkit check`: one message with the file, where in it, and what to do, and no traceback."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result
from PIL import Image

ROWS = 40
CONFIG = """\
name: bad
data:
  source: SOURCE
  splits: {validation: 10%, test: 20%}
  inputs: {x: INPUT}
  targets: {y: {kind: category, column: LABEL}}
model: {builder: mlp, dense: [4]}
training: {epochs: 1}
"""
Make = Callable[[Path], None]


def text(name: str, content: str | bytes) -> Make:
    """A file of this content."""
    return lambda folder: (
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content) and None
    )


def rows(change: dict[int, str] | None = None, header: str = "x,y") -> str:
    """A table of numbers and classes, of which some lines are others."""
    lines = [header, *(f"{n / 4},{'ab'[n % 2]}" for n in range(ROWS))]
    for line, content in (change or {}).items():
        lines[line - 1] = content
    return "\n".join(lines) + "\n"


def images(folder: Path) -> None:
    """Two classes of pictures."""
    for name in "ab":
        (folder / "data" / name).mkdir(parents=True)
        for n in range(10):
            pixels = np.random.default_rng(n).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "data" / name / f"{n}.png")


def broken_images(folder: Path) -> None:
    images(folder)
    whole = (folder / "data" / "a" / "1.png").read_bytes()
    for name, content in {"empty": b"", "cut": whole[:20], "page": b"<html>"}.items():
        (folder / "data" / "b" / f"{name}.png").write_bytes(content)


def cut_pixels(folder: Path) -> None:
    """Pictures, one of which has its header and half of its pixels."""
    images(folder)
    path = folder / "data" / "a" / "1.png"
    path.write_bytes(path.read_bytes()[:-120])


def among_images(name: str, make: Make) -> Make:
    """Pictures, and something else among them."""

    def made(folder: Path) -> None:
        images(folder)
        make(folder / "data" / "a" / name)

    return made


def sounds(folder: Path) -> None:
    """Two classes of tones, one of which is cut off."""
    for name in "ab":
        (folder / "data" / name).mkdir(parents=True)
        for n in range(10):
            soundfile.write(folder / "data" / name / f"{n}.wav", np.sin(np.arange(800) / (n + 2)), 8000)
    cut = folder / "data" / "a" / "3.wav"
    cut.write_bytes(cut.read_bytes()[:-600])


def texts(folder: Path) -> None:
    for name in "ab":
        (folder / "data" / name).mkdir(parents=True)
        for n in range(10):
            (folder / "data" / name / f"{n}.txt").write_text(f"words {n}")
    (folder / "data" / "a" / "3.txt").write_bytes("café".encode("latin-1"))


def one_class(folder: Path) -> None:
    images(folder)
    for path in (folder / "data" / "b").iterdir():
        path.unlink()


CSV = "{kind: csv, path: data.csv}"
NUMBER = "{kind: number}"
FOLDER = "{kind: image_folder, path: data}"
IMAGE = "{kind: image, column: image}"


@pytest.mark.parametrize(
    ("make", "source", "input", "code", "says"),
    [
        (text("data.csv", ""), CSV, NUMBER, "no-rows", "data.csv is empty"),
        (text("data.csv", "x,y\n"), CSV, NUMBER, "no-rows", "names of columns and no rows"),
        (text("data.csv", rows({18: "1"})), CSV, NUMBER, "ragged-row", "data.csv:18 has 1 field"),
        (text("data.csv", rows(header="x,x")), CSV, NUMBER, "duplicate-column", "data.csv:1 names two columns `x`"),
        (text("data.csv", rows({18: "1,\0"})), CSV, NUMBER, "damaged-data", "data.csv:18 holds a NUL"),
        (text("data.csv", rows({39: "oops,a"})), CSV, NUMBER, "field-type", "data.csv:39, column `x`, holds `oops`"),
        (text("data.csv", rows({18: "inf,a"})), CSV, NUMBER, "not-finite", "data.csv:18 (inf)"),
        (text("data.csv", rows({18: ",a"})), CSV, NUMBER, "not-finite", "data.csv:18 (nan)"),
        (text("data.csv", rows({18: "1,"})), CSV, NUMBER, "missing-label", "data.csv:18 has no label"),
        (text("data.csv", rows(header="xx,y")), CSV, NUMBER, "unknown-column", "no column `x`"),
        (text("data.csv", rows()), CSV, '{kind: number, columns: "s_*"}', "unknown-column", "fits `s_*`"),
        (text("data.csv", rows()), '{kind: csv, path: "*.tsv"}', NUMBER, "missing-file", "no file fits the pattern"),
        (
            text("data.csv", rows({18: "1,M\xfcnchen"}).encode("latin-1")), CSV, NUMBER, "not-utf-8",
            "data.csv:18, column `y`",
        ),
        (
            text("data.csv.gz", gzip.compress(rows().encode())[:-9]), "{kind: csv, path: data.csv.gz}", NUMBER,
            "damaged-data", "data.csv.gz is damaged",
        ),
        (broken_images, FOLDER, IMAGE, "unusable-image", "3 of 23 files"),
        (broken_images, FOLDER, IMAGE, "unusable-image", "b/cut.png: "),
        (broken_images, FOLDER, IMAGE, "unusable-image", "b/empty.png: it is empty"),
        (cut_pixels, FOLDER, IMAGE, "damaged-file", "a/1.png cannot be decoded: image file is truncated"),
        (one_class, FOLDER, IMAGE, "too-few-classes", "`a` alone"),
        (lambda folder: (folder / "data").mkdir(), FOLDER, IMAGE, "no-class-folders", "it is empty"),
        (among_images("pipe.png", os.mkfifo), FOLDER, IMAGE, "unusable-file", "pipe.png is a pipe"),
        (
            among_images("out.png", lambda path: path.symlink_to("/etc/hostname")), FOLDER, IMAGE, "unusable-file",
            "out.png is a link that leaves the folder",
        ),
        (
            among_images("loop", lambda path: path.symlink_to(path.parent)), FOLDER, IMAGE, "unusable-file",
            "a folder that it lies in",
        ),
        (
            sounds, "{kind: audio_folder, path: data}",
            "{kind: audio, column: audio, rate: 8000, preprocess: [{log_mel: {bins: 4}}]}", "damaged-data", "a/3.wav",
        ),
        (texts, "{kind: text_folder, path: data}", "{kind: text, column: text}", "bad-encoding", "a/3.txt"),
    ],
)  # fmt: skip
def test_a_bad_file_stops_the_check_with_its_place(
    make: Make, source: str, input: str, code: str, says: str, dlkit: Callable[..., Result], tmp_path: Path
) -> None:
    make(tmp_path)
    label = "label" if "folder" in source else "y"
    config = CONFIG.replace("SOURCE", source).replace("INPUT", input).replace("LABEL", label)
    (tmp_path / "bad.yaml").write_text(config)
    result = dlkit("check", tmp_path / "bad.yaml")
    printed = " ".join(result.stderr.split())
    assert result.exit_code in (1, 2), result.output
    assert f"error[{code}]" in printed and says in printed and "= help: " in printed
    assert "Traceback" not in printed and "internal error" not in printed


@pytest.mark.parametrize(
    ("source", "splits", "code", "says"),
    [
        ("{kind: csv, path: data.csv}", "{by: group, column: patient, test: 20%}", "bad-division", "`patient`"),
        (
            "{kind: csv, path: data.csv}",
            '{train: "train[:90%]", test: "train[80%:]"}',
            "overlapping-splits",
            "4 examples",
        ),
        ("{kind: csv, path: {train: data.csv, test: other.csv}}", "{test: test}", "unknown-label", "other.csv:3"),
    ],
)
def test_a_split_that_cannot_be_meant_stops_the_check(
    source: str, splits: str, code: str, says: str, dlkit: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "data.csv").write_text(rows())
    (tmp_path / "other.csv").write_text(rows({3: "1,c"}))
    config = CONFIG.replace("{validation: 10%, test: 20%}", splits).replace("SOURCE", source)
    (tmp_path / "bad.yaml").write_text(config.replace("INPUT", NUMBER).replace("LABEL", "y"))
    result = dlkit("check", tmp_path / "bad.yaml")
    assert result.exit_code in (1, 2), result.output
    assert f"error[{code}]" in result.stderr and says in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("make", "source", "input", "dropped"),
    [
        (broken_images, FOLDER, IMAGE, 3),
        (
            sounds, "{kind: audio_folder, path: data}",
            "{kind: audio, column: audio, rate: 8000, preprocess: [{log_mel: {bins: 4}}]}", 1,
        ),
    ],
)  # fmt: skip
def test_files_that_cannot_be_decoded_are_left_out_where_that_is_asked_for(
    make: Make, source: str, input: str, dropped: int, dlkit: Callable[..., Result], tmp_path: Path
) -> None:
    make(tmp_path)
    config = CONFIG.replace("SOURCE", source).replace("INPUT", input).replace("LABEL", "label")
    (tmp_path / "bad.yaml").write_text(config.replace("  inputs:", "  clean: {drop: [unreadable]}\n  inputs:"))
    result = dlkit("data", "describe", tmp_path / "bad.yaml")
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if "cannot be decoded" in line]
    assert sum(int(line.split("row")[0].split()[-1]) for line in lines) == dropped


def test_a_file_that_is_in_two_splits_is_named(dlkit: Callable[..., Result], tmp_path: Path) -> None:
    """The pictures of both classes are the same ones."""
    images(tmp_path)
    config = CONFIG.replace("SOURCE", FOLDER).replace("INPUT", IMAGE).replace("LABEL", "label")
    (tmp_path / "twice.yaml").write_text(config)
    result = dlkit("check", tmp_path / "twice.yaml")
    assert result.exit_code == 0, result.output
    printed = " ".join(result.output.split())
    found = re.search(r"example-in-two-splits.*?the first is ([ab])/(\d)\.png, the same as ([ab])/(\d)\.png", printed)
    assert found is not None and found[1] != found[3] and found[2] == found[4]
