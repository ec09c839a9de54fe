"""Tables to predict for: rows of CSV and Parquet files give what training rows give, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import dlkit
from dlkit.config.problems import RunError
from dlkit.evaluation.predict import predict
from tests.training.helpers import MLP, settings

HEADER = "code;area;rooms;town;sold"
ROWS = [
    f"{n % 7:03};{n * 1.5:.1f};{'-' if n % 9 == 4 else n % 5};{'Ulm' if n % 2 else 'Gmünd'};{n % 3 % 2}"
    for n in range(80)
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dlkit.Run:
    """A run on a table with decimal commas, its own word for a missing number, and codes of digits."""
    folder = tmp_path_factory.mktemp("table")
    write(folder / "homes.csv", ROWS)
    config = settings(MLP, {"epochs": 1, "baselines": "off"})
    config["data"] |= {
        "source": {"kind": "csv", "path": str(folder / "homes.csv"), "missing": ["-"], "encoding": "cp1252"},
        "splits": {"train": "train[:60]", "test": "train[60:]"},
        "inputs": {
            "size": {
                "kind": "number",
                "columns": ["area", "rooms"],
                "preprocess": [{"fill_missing": "mean"}, "normalize"],
            },
            "words": {"kind": "category", "columns": ["code", "to*"]},
        },
        "targets": {"sold": {"kind": "binary"}},
    }
    return dlkit.train(config, runs_folder=folder / "runs", verbose=False)


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]).replace(".", ","), encoding="cp1252")
    return path


def results(run: dlkit.Run, *paths: Path) -> tuple[list[str], np.ndarray]:
    found = predict(run.folder, paths)
    return list(found.places), found.results["sold"]


def test_rows_of_a_table_are_predicted_as_those_of_the_split_with_their_lines(run: dlkit.Run, tmp_path: Path) -> None:
    places, found = results(run, write(tmp_path / "new.csv", ROWS))
    assert places[:2] == [f"{tmp_path}/new.csv:2", f"{tmp_path}/new.csv:3"]
    np.testing.assert_allclose(found[60:], predict(run.folder, split="test").results["sold"], rtol=1e-6)


def test_a_table_needs_no_target_and_its_columns_may_stand_in_any_order(run: dlkit.Run, tmp_path: Path) -> None:
    _, whole = results(run, write(tmp_path / "whole.csv", ROWS))
    turned = [";".join(row.split(";")[3::-1]) for row in ROWS]
    _, found = results(run, write(tmp_path / "turned.csv", turned, "town;rooms;area;code"))
    np.testing.assert_array_equal(found, whole)
    # One row alone, whose code is text although it looks like a number.
    _, one = results(run, write(tmp_path / "one.csv", ROWS[5:6]))
    np.testing.assert_allclose(one, whole[5:6], rtol=1e-6)


def test_a_folder_holds_tables_of_both_kinds(run: dlkit.Run, tmp_path: Path) -> None:
    _, whole = results(run, write(tmp_path / "a.csv", ROWS))
    table = pyarrow.table(
        {
            "code": [row.split(";")[0] for row in ROWS],
            "area": [n * 1.5 for n in range(80)],
            "rooms": pyarrow.array([None if n % 9 == 4 else n % 5 for n in range(80)], pyarrow.int64()),
            "town": [row.split(";")[3] for row in ROWS],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "b.parquet")
    places, both = results(run, tmp_path)
    assert places[80].startswith(f"{tmp_path}/b.parquet")
    np.testing.assert_allclose(both, np.concatenate([whole, whole]), rtol=1e-6)


def test_what_is_missing_or_unknown_is_counted(run: dlkit.Run, tmp_path: Path) -> None:
    notes = predict(run.folder, [write(tmp_path / "new.csv", ["001;2.0;-;Rome"], HEADER.removesuffix(";sold"))]).notes
    assert any("miss a value that is filled in" in note and "`rooms`" in note for note in notes)
    assert any("Rome" in note for note in notes)


def test_a_table_is_asked_for_where_another_file_is_given(run: dlkit.Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(RunError) as refused:
        results(run, tmp_path / "a.png")
    assert "give a table with the columns" in refused.value.problems[0].help


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_that_states_its_encoding_is_read_in_it(run: dlkit.Run, tmp_path: Path, encoding: str) -> None:
    _, as_trained = results(run, write(tmp_path / "new.csv", ROWS))
    text = (tmp_path / "new.csv").read_text("cp1252")
    (tmp_path / "other.csv").write_text(text, encoding)
    np.testing.assert_array_equal(results(run, tmp_path / "other.csv")[1], as_trained)


def test_a_table_that_seems_to_be_in_another_encoding_than_that_of_the_training_is_reported(
    run: dlkit.Run, tmp_path: Path
) -> None:
    text = write(tmp_path / "new.csv", ROWS).read_text("cp1252")
    assert not any("seems to be" in note for note in predict(run.folder, [tmp_path / "new.csv"]).notes)
    (tmp_path / "other.csv").write_text(text, "utf-8")
    notes = predict(run.folder, [tmp_path / "other.csv"]).notes
    assert any("other.csv seems to be UTF-8" in note and "`Gmünd` becomes `GmÃ¼nd`" in note for note in notes)


@pytest.mark.parametrize(
    ("row", "header", "says", "help"),
    [
        ("001;2.0;3", "code;area;rooms", "it has no column `to*`", "`area`, `code`, `rooms`"),
        ("001;2.0;3;Ulm", "code;aera;rooms;town", "it has no column `area`", "did you mean `aera`?"),
        ("001;2.0;many;Ulm", "code;area;rooms;town", "new.csv:2, column `rooms`, holds `many`", "`missing: [many]`"),
        ("001;2.0;3", "code;area;rooms;town", "new.csv:2", ""),
    ],
)
def test_what_cannot_be_used_is_named(
    run: dlkit.Run, tmp_path: Path, row: str, header: str, says: str, help: str
) -> None:
    with pytest.raises(RunError) as refused:
        results(run, write(tmp_path / "new.csv", [row], header))
    (problem,) = refused.value.problems
    assert problem.code == "unusable-input"
    assert says in problem.message
    assert help in problem.help
