"""Folders of text files: what is read, in which encodings, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import Wanted
from dlkit.sources.text_folder import TextFolderSource

WANTED = Wanted(("text",), ("label",))


def made(root: Path, **files: bytes) -> Path:
    """Folders `a` and `b` with a file each, and files in `a` with this content."""
    for name, content in {"a/1": b"one", "b/1": b"two", **{f"a/{name}": c for name, c in files.items()}}.items():
        path = root / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def opened(root: Path, **settings: str) -> dict[str, str]:
    """The text of each file, by its place."""
    source = TextFolderSource(kind="text_folder", path=str(root), **settings).open(WANTED)
    assert source.arrays is not None and source.place is not None
    texts = source.arrays("train")["text"]
    return {source.place("train", row): text for row, text in enumerate(texts)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_recognised_with_and_without_marks(tmp_path: Path, encoding: str) -> None:
    text = "A plain text, with an é."
    assert opened(made(tmp_path, x=text.encode(encoding)))["a/x.txt"] == text


@pytest.mark.parametrize("encoding", ["latin-1", "gb18030", "shift_jis"])
def test_other_encodings_are_stated(tmp_path: Path, encoding: str) -> None:
    text = "café" if encoding == "latin-1" else "漢字"
    root = made(tmp_path, x=text.encode(encoding))
    assert opened(root, encoding=encoding)["a/x.txt"] == text
    with pytest.raises(RunError) as refused:
        opened(root)
    (problem,) = refused.value.problems
    assert problem.code == "bad-encoding" and f"files in {root} cannot be read as texts: a/x.txt: " in problem.message
    assert "byte" in problem.message and "`encoding: gb18030`" in problem.help


def test_the_message_has_the_offset_of_the_byte(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"byte 5 \(0xe9\) is not UTF-8"):
        opened(made(tmp_path, x=b"caf\xc3\xa9\xe9"))


def test_an_encoding_that_does_not_exist_is_refused_with_the_configuration(tmp_path: Path) -> None:
    source = {"kind": "text_folder", "path": str(tmp_path), "encoding": "latin-one"}
    data = {"source": source, "inputs": {"text": {"kind": "text"}}, "targets": {"label": {"kind": "category"}}}
    with pytest.raises(ConfigError, match="latin-one"):
        from_mapping({"name": "t", "data": data, "model": {"builder": "mlp"}})


def test_labels_are_names_of_folders_and_rows_have_the_names_of_files(tmp_path: Path) -> None:
    source = TextFolderSource(kind="text_folder", path=str(made(tmp_path, x=b"three"))).open(WANTED)
    assert source.arrays is not None and source.place is not None
    columns = source.arrays("train")
    found = {source.place("train", row): label for row, label in enumerate(columns["label"].tolist())}
    assert found == {"a/1.txt": "a", "a/x.txt": "a", "b/1.txt": "b"}
    assert source.sizes == {"train": 3}


def test_an_empty_file_is_said_and_is_an_empty_text(tmp_path: Path) -> None:
    root = made(tmp_path, x=b"")
    source = TextFolderSource(kind="text_folder", path=str(root)).open(WANTED)
    assert any("1 file without content, such as `a/x.txt`" in note for note in source.notes)
    assert opened(root)["a/x.txt"] == ""


def test_the_fingerprint_knows_the_encoding(tmp_path: Path) -> None:
    made(tmp_path)
    prints = {
        TextFolderSource(kind="text_folder", path=str(tmp_path), encoding=encoding).open(WANTED).fingerprint
        for encoding in (None, "latin-1")
    }
    assert len(prints) == 2


def test_a_table_labels_texts_of_one_folder(tmp_path: Path) -> None:
    for name, text in {"1": "good", "2": "bad", "10": "fine", "other": "x"}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    table = tmp_path / "labels.csv"
    table.write_text("text,mood\n1.txt,up\n2.txt,down\n10.txt,up\n")
    source = TextFolderSource(
        kind="text_folder", path=str(tmp_path), labels=str(table), file_column="text", label_column="mood"
    )
    first = source.open(WANTED)
    assert first.arrays is not None and first.place is not None
    columns = first.arrays("train")
    found = {first.place("train", n): (str(columns["text"][n]), str(columns["label"][n])) for n in range(3)}
    assert found == {"1.txt": ("good", "up"), "2.txt": ("bad", "down"), "10.txt": ("fine", "up")}
    assert "labels.csv lists 3 texts and not 1 more, such as `other.txt`" in "\n".join(first.notes)
    table.write_text("text,mood\n1.txt,down\n2.txt,down\n10.txt,up\n")
    assert source.open(WANTED).fingerprint != first.fingerprint
    table.write_text("text,mood\n1.txt,up\n3.txt,down\n")
    with pytest.raises(RunError, match=r"labels\.csv:3: there is no file .*3\.txt"):
        source.open(WANTED)


def test_a_problem_of_a_text_names_its_file(tmp_path: Path) -> None:
    inputs = {"text": {"kind": "text", "empty": "refuse", "min_count": 1}}
    source = {"kind": "text_folder", "path": str(made(tmp_path, x=b"..."))}
    with pytest.raises(RunError, match=r"a/x\.txt"):
        load_splits(Data.model_validate({"source": source, "inputs": inputs, "targets": {"label": {"kind": "binary"}}}))


def test_a_run_on_a_folder_saves_a_model_of_raw_texts(tmp_path: Path) -> None:
    words = {"a": "good fine lovely", "b": "bad dull awful"}
    for name, text in words.items():
        (tmp_path / "texts" / name).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "texts" / name / f"{number}.txt").write_text(" ".join(np.roll(text.split(), number)))
    config = {
        "name": "folder",
        "data": {
            "source": {"kind": "text_folder", "path": str(tmp_path / "texts")},
            "splits": {"train": "train[:80%]", "test": "train[80%:]"},
            "inputs": {"text": {"kind": "text"}},
            "targets": {"label": {"kind": "category"}},
            "batch_size": 8,
        },
        "model": {"builder": "mlp", "dense": [8]},
        "training": {
            "epochs": 20,
            "optimizer": {"name": "adam", "learning_rate": 0.02},
            "health": "off",
            "baselines": "off",
        },
        "runtime": {"compile": "graph"},
    }
    run = dlkit.train(config, runs_folder=tmp_path / "runs", verbose=False)
    assert run.test["accuracy"] == 1.0
    found = run.model.predict(tf.constant(["Lovely!", "<p>awful"]), verbose=0).argmax(axis=1)
    assert found.tolist() == [0, 1]
