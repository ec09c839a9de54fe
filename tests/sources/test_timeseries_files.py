"""Time series in files of several forms, which are read as the sources of tables read them."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dlkit.config.problems import RunError
from dlkit.sources.timeseries import TimeseriesSource
from tests.sources.test_timeseries import column, problem_of, table


def test_text_files_are_read_as_by_the_source_of_tables(tmp_path: Path) -> None:
    days = [f"{day:02}.01.2024" for day in range(13, 23)]
    for number, some in (("1", slice(5)), ("2", slice(5, 10))):
        rows = "".join(f"{day};{n},5;-\n" for n, day in list(enumerate(days))[some])
        with gzip.open(tmp_path / f"part-{number}.csv.gz", "wb") as file:
            file.write(("größe;y;z\n" + rows).encode("cp1252"))
    given = {"time": "größe", "targets": ["y", "z"], "past": 2, "horizon": 1, "encoding": "cp1252", "missing": ["-"]}
    settings = {"kind": "timeseries", "path": str(tmp_path / "part-*.csv.gz"), "fill": "zero", **given}
    source = TimeseriesSource.model_validate(settings).open()
    assert column(source, "future")[:, 0].tolist() == [[n + 0.5, 0] for n in range(2, 10)]
    assert "part-1.csv.gz and 1 more: separator `;`, decimal mark `,`, encoding cp1252" in source.notes
    assert source.place is not None
    assert source.place("train", 0) == "part-1.csv.gz:2 to 4"
    assert source.place("train", 3) == "part-1.csv.gz:5 to part-2.csv.gz:2"


def test_a_time_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "a.csv:3" in problem_of(RunError, tmp_path, table(["2024-01-01", "", "2024-01-03"])).message
    times = pa.array([datetime(2024, 1, 1), None, datetime(2024, 1, 3)], pa.timestamp("s"))
    pq.write_table(pa.table({"t": times, "y": [1, 2, 3]}), tmp_path / "a.parquet")
    found = problem_of(RunError, tmp_path, "", path=str(tmp_path / "a.parquet"))
    assert found.message == "a.parquet, row 2: column `t` is empty"


def test_a_time_is_shown_as_the_table_has_it(tmp_path: Path) -> None:
    text = table([f"2024-01-01T{clock}+02" for clock in ("01:00", "02:00", "03:00", "03:30")])
    assert "`t` is 2024-01-01T03:30+02, which is no whole number" in problem_of(RunError, tmp_path, text).message
    times = pa.array([datetime(2024, 1, day) for day in (1, 2, 5)], pa.timestamp("s"))
    pq.write_table(pa.table({"t": times, "y": [1, 2, 3]}), tmp_path / "a.parquet")
    found = problem_of(RunError, tmp_path, "", path=str(tmp_path / "a.parquet"))
    assert "missing before 2024-01-05;" in found.message
