"""Tables in Parquet files: types, gaps, lists, several files, and what is said of what cannot be read."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlkit.config.problems import DlkitError
from dlkit.data.load import load_spec, load_splits
from dlkit.schema.data import Data
from dlkit.sources.parquet import ParquetSource


def write(path: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), path, write_page_checksum=True)
    return str(path)


def source(path: Any) -> ParquetSource:
    return ParquetSource.model_validate({"kind": "parquet", "path": path})


def read(path: Any, *wanted: str, split: str = "train") -> dict[str, Any]:
    data = source(path).open(wanted or ("*",))
    assert data.arrays is not None
    return dict(data.arrays(split))


def problem(path: Any, *wanted: str) -> Any:
    with pytest.raises(DlkitError) as caught:
        source(path).open(wanted or ("*",))
    (found,) = caught.value.problems
    return found


def test_numbers_text_and_gaps(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet",
        whole=[1, 2, 3],
        gap=[1, None, 3],
        flag=[True, False, True],
        flag_gap=[True, None, False],
        float=pa.array([1.5, None, float("nan")], pa.float32()),
        text=["a", None, "NA"],
        words=pa.array(["x", None, "x"]).dictionary_encode(),
        nothing=pa.nulls(3),
        zip=["01234", "1", "2"],
    )
    found = read(path)
    assert {name: str(values.dtype) for name, values in found.items()} == {
        "whole": "int64", "gap": "float64", "flag": "bool", "flag_gap": "float64", "float": "float32",
        "text": "<U2", "words": "<U1", "nothing": "float64", "zip": "<U5",
    }  # fmt: skip
    np.testing.assert_equal(found["gap"], [1, np.nan, 3])
    np.testing.assert_equal(found["flag_gap"], [1, np.nan, 0])
    np.testing.assert_equal(found["float"], np.float32([1.5, np.nan, np.nan]))
    np.testing.assert_equal(found["nothing"], [np.nan] * 3)
    assert (found["text"].tolist(), found["words"].tolist()) == (["a", "", "NA"], ["x", "", "x"])
    assert found["zip"].tolist() == ["01234", "1", "2"]
    assert source(path).open(("text",)).fields["text"].dtype == "string"


def test_what_nobody_reads_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", a=[1, 2], b=[decimal.Decimal("1.5")] * 2, c=[[1], None])
    data = source(path).open(("a",))
    assert (set(data.fields), data.others) == ({"a"}, ("b", "c"))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([decimal.Decimal("1.50")] * 2, "decimals"),
        ([datetime.datetime(2020, 1, 1)] * 2, "timestamps"),
        ([datetime.date(2020, 1, 1)] * 2, "dates"),
        ([datetime.time(1, 2)] * 2, "times"),
        ([{"a": 1}] * 2, "structs"),
        ([["a"], ["b", "c"]], "lists of text"),
        ([b"no picture"] * 2, "raw bytes"),
    ],
)
def test_what_is_no_number_and_no_text_is_refused_where_it_is_named(
    tmp_path: Path, values: list[Any], word: str
) -> None:
    data = {
        "source": {"kind": "parquet", "path": write(tmp_path / "a.parquet", x=values, y=[0, 1])},
        "inputs": {"x": {"kind": "number"}},
        "targets": {"y": {"kind": "category"}},
    }
    with pytest.raises(DlkitError) as caught:
        load_splits(Data.model_validate(data))
    (said,) = caught.value.problems
    assert (said.code, said.key) == ("field-type", ("data", "inputs", "x"))
    assert f"the column `x` holds {word}, which is neither numbers nor text" in said.message
    assert "turn it into numbers or text" in said.help


def test_lists_of_one_length_are_rows_and_others_are_padded(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet",
        even=[[1, 2], [3, 4]],
        fixed=pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)),
        uneven=[[1.0], [2.0, 3.0]],
        steps=[[[1, 2]], [[3, 4], [5, 6]]],
        grid=[[[1, 2], [3, 4]]] * 2,
    )
    found, fields = read(path), source(path).open(("*",)).fields
    assert found["even"].tolist() == [[1, 2], [3, 4]]
    assert (found["fixed"].shape, found["fixed"].dtype) == ((2, 2), np.float32)
    np.testing.assert_equal(found["uneven"], [[1, np.nan], [2, 3]])
    np.testing.assert_equal(found["steps"], [[[1, 2], [np.nan, np.nan]], [[3, 4], [5, 6]]])
    assert found["grid"].shape == (2, 2, 2)
    assert {name for name, field in fields.items() if field.ragged} == {"uneven", "steps"}


def test_bytes_of_pictures_are_for_a_kind_to_decode(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n..."
    path = write(tmp_path / "a.parquet", plain=[png, png], named=[{"bytes": png, "path": "a.png"}] * 2)
    data = source(path).open(("*",))
    assert {name: (f.encoding, f.dtype) for name, f in data.fields.items()} == {
        "plain": ("image", "string"), "named": ("image", "string"),
    }  # fmt: skip
    assert read(path)["named"].tolist() == [png, png]


def test_large_whole_numbers_keep_their_digits(tmp_path: Path) -> None:
    ids = [2**53 + 1, 2**62]
    assert read(write(tmp_path / "a.parquet", x=ids))["x"].tolist() == ids
    said = problem(write(tmp_path / "b.parquet", x=[*ids, None]))
    assert said.message == "b.parquet, column `x`: it has missing values, and whole numbers too large for a float"


def test_folders_patterns_and_splits(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    (folder / "below").mkdir(parents=True)
    for number in (10, 2):
        write(folder / f"part-{number}.parquet", x=[number])
    write(folder / "below" / "last.parquet", x=[1.5])
    (folder / "_SUCCESS").write_text("")
    (folder / ".hidden.parquet").write_text("")
    found = read(str(folder))["x"]
    assert sorted(found.tolist()) == [1.5, 2, 10]
    assert read(str(folder / "part-*.parquet"))["x"].tolist() == [2, 10]
    data = source({"train": str(folder / "part-*.parquet"), "test": str(folder / "below")}).open(("x",))
    assert data.sizes == {"train": 2, "test": 1}
    assert data.fields["x"].dtype == "float64"
    assert data.place is not None
    assert data.place("train", 1) == "part-10.parquet, row 1"


def test_files_must_agree(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", age=[1], y=[0])
    write(tmp_path / "b.parquet", agee=[1], y=["x"])
    said = problem(str(tmp_path / "*.parquet"), "age")
    assert said.message == "b.parquet has no column `age`, and a.parquet has"
    said = problem(str(tmp_path / "*.parquet"), "y")
    assert said.message == "column `y` holds int64 in a.parquet, and string in b.parquet"


def test_what_is_no_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("x,y\n1,2\n")
    assert problem(str(tmp_path / "a.parquet")).code == "damaged-data"
    assert "a.parquet is damaged" in problem(str(tmp_path / "a.parquet")).message
    assert problem(write(tmp_path / "b.parquet", x=pa.array([], pa.int64()))).code == "no-rows"
    assert problem(str(tmp_path / "c.parquet")).code == "missing-file"


def test_the_ends_of_files_describe_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", x=[1.5, 2.5], y=[0.5, 1.5])
    data = {
        "source": {"kind": "parquet", "path": path},
        "inputs": {"x": {"kind": "number"}},
        "targets": {"y": {"kind": "number"}},
    }
    spec = load_spec(Data.model_validate(data))
    assert spec is not None
    assert (spec.inputs["x"].shape, dict(spec.sizes)) == ((1,), {"train": 2})
    assert source(write(tmp_path / "b.parquet", x=[[1], [2]])).describe() is None


def test_the_fingerprint_is_of_the_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", x=[1])
    first = source(path).open(("x",)).fingerprint
    assert source(path).open(("x",)).fingerprint == first
    write(tmp_path / "a.parquet", x=[1, 2])
    assert source(path).open(("x",)).fingerprint != first


def test_folders_that_state_a_value_are_a_column(tmp_path: Path) -> None:
    for number, (year, place) in enumerate([(2019, "eu"), (2020, "eu"), (2020, "us")]):
        folder = tmp_path / f"year={year}" / f"place={place}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [number, number + 10]}), folder / "part-0.parquet")
    source = ParquetSource.model_validate({"kind": "parquet", "path": str(tmp_path)})
    opened = source.open(("*",))
    assert opened.arrays is not None
    found = {name: values.tolist() for name, values in opened.arrays("train").items()}
    assert found == {
        "x": [0, 10, 1, 11, 2, 12],
        "year": [2019, 2019, 2020, 2020, 2020, 2020],
        "place": ["eu", "eu", "eu", "eu", "us", "us"],
    }
    described = source.describe()
    assert described is not None
    assert list(described.fields) == ["x", "year", "place"]
