"""Files of the `.ts` format: what is read of them, and what is said of lines that are not what they should be."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import SourceData
from dlkit.sources.ts import TsSource

HEADER = "# made by hand\n@problemName made\n@dimensions 2\n@equalLength false\n@classLabel true cat dog\n@data\n"
LINES = "1,2,3:4,5,6:cat\n\n1.5,-2:4e0,?:dog\n"


def opened(folder: Path, text: str, **others: str) -> SourceData:
    (folder / "train.ts").write_text(text, encoding="utf-8")
    return TsSource.model_validate({"kind": "ts", "train": str(folder / "train.ts"), **others}).open()


def problem_of(error: type[DlkitError], folder: Path, text: str, **others: str) -> Problem:
    with pytest.raises(error) as refused:
        opened(folder, text, **others)
    (problem,) = refused.value.problems
    return problem


def columns(source: SourceData, split: str = "train") -> Any:
    assert source.arrays is not None
    return source.arrays(split)


def test_samples_of_unequal_length_are_padded_with_nan(tmp_path: Path) -> None:
    source = opened(tmp_path, HEADER + LINES)
    found = columns(source)
    nan = np.nan
    expected = [[[1, 4], [2, 5], [3, 6]], [[1.5, 4], [-2, nan], [nan, nan]]]
    np.testing.assert_array_equal(found["x"], np.array(expected, np.float32))
    assert found["label"].tolist() == ["cat", "dog"]
    assert source.fields["x"].ragged
    assert source.place is not None
    assert [source.place("train", row) for row in range(2)] == ["train.ts:7", "train.ts:9"]


def test_one_channel_numbers_as_labels_and_no_labels(tmp_path: Path) -> None:
    text = "@univariate true\n@equalLength true\n@seriesLength 2\n@targetLabel true\n@data\n1,2:0.5\n3,4:-1\n"
    source = opened(tmp_path, text)
    assert columns(source)["x"].tolist() == [[[1], [2]], [[3], [4]]]
    assert columns(source)["label"].tolist() == [0.5, -1]
    assert not source.fields["x"].ragged
    assert set(opened(tmp_path, "@classLabel false\n@data\n1,2:3,4\n").fields) == {"x"}


def test_a_file_for_each_split_compressed_or_not(tmp_path: Path) -> None:
    (tmp_path / "test.ts.gz").write_bytes(gzip.compress((HEADER + "1,2,3,4:1,2,3,4:dog\n").encode()))
    source = opened(tmp_path, HEADER + LINES, test=str(tmp_path / "test.ts.gz"))
    assert dict(source.sizes) == {"train": 2, "test": 1}
    assert columns(source, "test")["x"].shape == (1, 4, 2)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1,2:3,4:5,6:cat", "3 channels, and 2 are expected"),
        ("1,2:cat", "1 channels, and 2 are expected"),
        ("1,2:3:cat", "the channels have 1 to 2 steps"),
        ("1,two:3,4:cat", "channel 1: `two` is no number"),
        ("1,2:3,:cat", "channel 2: `` is no number"),
        ("1,2:3,inf:cat", "channel 2: a number is infinite"),
        ("1,2:3,1e99:cat", "channel 2: a number is infinite"),
        ("1,2:3,4:cow", "the label is `cow`, and `@classLabel` has cat, dog"),
        ("1,2:3,4", "the label is `3,4`"),
    ],
)
def test_a_damaged_line_is_named(line: str, says: str, tmp_path: Path) -> None:
    problem = problem_of(RunError, tmp_path, f"{HEADER}{LINES}{line}\n")
    assert (problem.code, problem.key) == ("damaged-data", ("data", "source", "train"))
    assert "train.ts:10" in problem.message
    assert says in problem.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no line `@data`"),
        ("a,b\n1,2\n", "train.ts:1: `a,b` comes before `@data`"),
        (HEADER, "no example after `@data`"),
        ("@timeStamps true\n@data\n(0,1),(1,2):a\n", "train.ts:1: values with timestamps"),
        ("@dimensions many\n@data\n1:a\n", "train.ts:1: `many`"),
        ("@seriesLength 3\n@data\n1,2\n", "2 steps, and `@seriesLength` says 3"),
        ("@targetLabel true\n@data\n1,2:much\n", "train.ts:3: the label: `much` is no number"),
    ],
)
def test_a_file_that_is_not_what_it_should_be(text: str, says: str, tmp_path: Path) -> None:
    problem = problem_of(RunError, tmp_path, text)
    assert problem.code == "damaged-data"
    assert says in problem.message, problem.message


def test_a_file_that_is_cut_off_or_not_there(tmp_path: Path) -> None:
    whole = gzip.compress((HEADER + LINES * 50).encode())
    (tmp_path / "test.ts.gz").write_bytes(whole[: len(whole) // 2])
    problem = problem_of(RunError, tmp_path, HEADER + LINES, test=str(tmp_path / "test.ts.gz"))
    assert (problem.code, problem.key) == ("damaged-data", ("data", "source", "test"))
    problem = problem_of(ConfigError, tmp_path, HEADER + LINES, test=str(tmp_path / "tests.ts"))
    assert problem.code == "missing-file"
    assert "did you mean" in problem.help


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    for text in ("@data\n1,2:3,4\n", "@targetLabel true\n@data\n1:2:3\n", "@classLabel true cat\n@data\n1,2:cat\n"):
        (tmp_path / "test.ts").write_text(text, encoding="utf-8")
        problem = problem_of(RunError, tmp_path, HEADER + LINES, test=str(tmp_path / "test.ts"))
        assert (problem.code, problem.key) == ("mixed-types", ("data", "source", "test"))


def test_a_missing_number_inside_of_a_series_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "train.ts").write_text(f"{HEADER}1,?,3:1,2,3:cat\n{LINES}", encoding="utf-8")
    data = {
        "source": {"kind": "ts", "train": str(tmp_path / "train.ts")},
        "inputs": {"x": {"kind": "sequence"}},
        "targets": {"label": {"kind": "category"}},
    }
    with pytest.raises(RunError, match=r"train\.ts:7 has NaN at step 1"):
        load_splits(Data.model_validate(data))


def test_a_source_without_files() -> None:
    data = {"source": {"kind": "ts"}, "inputs": {"x": {"kind": "sequence"}}, "targets": {"label": {"kind": "category"}}}
    with pytest.raises(ConfigError) as refused:
        from_mapping({"name": "t", "data": data, "model": {"builder": "rnn"}})
    assert [p.key for p in refused.value.problems] == [("data", "source")]
