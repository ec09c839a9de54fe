"""TFRecord files that are damaged, and records that the features of a configuration do not fit."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from dlkit.config.problems import ConfigError
from dlkit.schema.loader import from_mapping
from dlkit.sources import tfrecord as module
from tests.sources.records import FEATURES, columns, example, feature, problem, row, source, write


@pytest.mark.parametrize(("compression", "packed"), [("GZIP", gzip.compress), ("ZLIB", zlib.compress)])
def test_compressed_files(compression: str, packed: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", map(row, range(20)))
    whole = path.read_bytes()
    assert problem(source(path, compression=compression)).message.startswith("a.tfrecord is not compressed by")
    path.write_bytes(packed(whole))
    assert columns(source(path, compression=compression).open(("label",)))["label"].tolist() == list(range(20))
    said = problem(source(path))
    assert (said.code, said.message) == ("damaged-data", "a.tfrecord is compressed")
    assert said.help == f"write `compression: {compression}` in `data.source`"
    path.write_bytes(packed(whole)[:-20])
    assert "is cut off in record 20" in problem(source(path, compression=compression)).message


def test_damage_is_named_by_file_and_record(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", map(row, range(1000)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert problem(source(path)).message == "a.tfrecord is cut off in record 1,000"
    changed = bytearray(whole)
    changed[len(write(tmp_path / "few", map(row, range(700))).read_bytes()) + 40] ^= 4
    path.write_bytes(changed)
    assert problem(source(path)).message == "a.tfrecord, record 701 is damaged: its checksum does not fit"
    path.write_bytes(b"a text of some length, which is no record\n" * 9)
    assert "is no TFRecord file" in problem(source(path)).message
    path.write_bytes(b"")
    said = problem(source(path))
    assert (said.code, said.message) == ("no-rows", "a.tfrecord, of split `train`, has no records")
    write(path, [b"\x0a\xff\xff\xff junk"])
    assert problem(source(path)).message == "a.tfrecord, record 1 is no `tf.train.Example`"


def test_features_that_the_records_do_not_have_so_are_listed_for_copying(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", map(row, range(5)))
    stated = {**FEATURES, "label": "float32", "wrds": "string", "vector": {"dtype": "float32", "shape": [20]}}
    with pytest.raises(ConfigError) as caught:
        source(path, stated).open(("label",))
    by_key = {p.key[-1]: p for p in caught.value.problems}
    assert {p.code for p in by_key.values()} == {"record-features"}
    assert by_key["label"].message == "a.tfrecord: `label` holds int64, not float32"
    assert by_key["wrds"].message == "a.tfrecord: it has no feature `wrds`"
    assert "did you mean `words`?" in by_key["wrds"].help
    assert by_key["vector"].message == "a.tfrecord: `vector` holds 3 values, not 20"
    listed = "features: {label: int64, pixels: string, steps: {dtype: float32, shape: [null]}, "
    assert listed + "vector: {dtype: float32, shape: [3]}, words: string}" in by_key["label"].help


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"label": 0.5}, "`label` holds float32, not int64"),
        ({"label": [1, 2]}, "`label` holds 2 values, not 1"),
        ({"vector": [1.0]}, "`vector` holds 1 value, not 3"),
        ({"steps": [1.0, 2.0, 3.0]}, "`steps` holds 3 values, not a multiple of 2"),
        ({"pixels": b"abc"}, "`pixels` holds 3 bytes, not 4"),
        ({"words": b"\xe9"}, "`words` holds bytes that are no text in UTF-8"),
    ],
)
def test_a_later_record_that_differs_is_named(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [row(n, **changes) if n == 600 else row(n) for n in range(700)])
    said = problem(source(path))
    assert (said.code, said.message) == ("record-features", f"a.tfrecord, record 601: {says}")


def test_an_optional_feature_is_misspelt_or_of_another_size(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [example(x=[1.0, 2.0]), example(y=1), example(x=[1.0])])
    wrong = source(path, {"xs": {"dtype": "float32", "optional": True}})
    found = problem(wrong, ConfigError)
    assert found.message == "no record has a feature `xs`" and "did you mean `x`?" in found.help
    sizes = problem(source(path, {"x": {"dtype": "float32", "shape": [2], "optional": True}}), ConfigError)
    assert "`x` holds 1 value, not 2" in sizes.message


def test_sequence_examples_are_said_to_be_such(tmp_path: Path) -> None:
    lists = tf.train.FeatureLists(feature_list={"x": tf.train.FeatureList(feature=[feature([1.0])])})
    record = tf.train.SequenceExample(feature_lists=lists).SerializeToString()
    assert "is a SequenceExample" in problem(source(write(tmp_path / "a.tfrecord", [record]))).message


@pytest.mark.parametrize(
    ("stated", "key", "says"),
    [
        ({"encoding": "image", "shape": [2, 2]}, "shape", "the size of image files is not stated here"),
        ({"encoding": "raw"}, "x", "nothing says what it holds"),
        ({"shape": [3]}, "x", "nothing says what it holds"),
        ("uint8", "dtype", "records hold no numbers of the type uint8"),
        ({"dtype": "float32", "shape": [3, None]}, "shape", "only the first size can differ"),
        ({"dtype": "string", "shape": [None]}, "shape", "only lists of int64 and float32"),
        ("flaot32", "dtype", "float32"),
        ({"dtype": "float32", "shape": [None], "optional": True}, "optional", "may be empty anyway"),
    ],
)
def test_features_that_contradict_themselves_are_reported_with_the_configuration(
    stated: Any, key: str, says: str
) -> None:
    given = {"kind": "tfrecord", "path": "a.tfrecord", "features": {"x": stated}}
    data = {"source": given, "inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "number"}}}
    with pytest.raises(ConfigError) as caught:
        from_mapping({"name": "t", "data": data, "model": {"builder": "mlp"}})
    (said,) = caught.value.problems
    assert said.key[-1] == key and says in f"{said.message} {said.label} {said.help}"


def test_a_file_whose_lengths_do_not_add_up_is_named_by_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.tfrecord", map(row, range(3000)))
    path.write_bytes(path.read_bytes()[:-5])
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    assert "a.tfrecord, record 3,000 is cut off" in problem(source(path)).message
