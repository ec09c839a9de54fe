"""The store of prepared examples: filled row by row, whole after a kill, listed and cleared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlkit.data import store
from dlkit.data.store import About, Entry
from dlkit.mapped import store_root

ROWS = 50
VALUES = np.random.default_rng(0).normal(size=(ROWS, 2, 3)).astype("float32")


def about(**changes: object) -> About:
    """An entry of fifty rows."""
    fields = {"source": "photos", "input": "x", "kind": "image", "rows": ROWS, "shape": (2, 3), "dtype": "float32"}
    return About(**{**fields, "made_from": {"the data": "1", "its settings": "2"}, **changes})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of this test alone."""
    monkeypatch.setenv("DLKIT_CACHE", str(tmp_path / "store"))
    return tmp_path / "store"


def test_the_folder_is_the_one_that_is_named_or_the_user_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert store_root() == Path("/somewhere/dlkit")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store_root() == Path.home() / ".cache" / "dlkit"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.lists(
        st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=20, unique=True).map(sorted), min_size=1, max_size=6
    )
)
def test_rows_written_in_any_order_are_read_back_and_no_others(order: list[list[int]], own_store: Path) -> None:
    store.clear()
    written: set[int] = set()
    for rows in order:
        entry = Entry(about())
        missing = entry.missing(np.array(rows))
        assert missing.tolist() == sorted(set(rows) - written)
        if len(missing):
            entry.write(missing, VALUES[missing])
        written |= set(rows)
    entry = Entry(about())
    found = sorted(written)
    np.testing.assert_array_equal(entry.values[found], VALUES[found])
    assert entry.missing(np.arange(ROWS)).tolist() == sorted(set(range(ROWS)) - written)


def test_what_a_change_makes_is_another_entry_and_the_reason_is_known() -> None:
    first = Entry(about())
    assert first.instead_of == ""
    assert Entry(about()).instead_of == ""
    changed = Entry(about(made_from={"the data": "1", "its settings": "3"}))
    assert changed.folder != first.folder
    assert changed.instead_of == "its settings"
    assert Entry(about(input="y", made_from={"the data": "9"})).instead_of == ""


def test_entries_are_listed_with_what_they_hold_and_cleared() -> None:
    entry = Entry(about())
    entry.write(np.arange(7), VALUES[:7])
    (listed,) = store.entries()
    assert (listed.about, listed.prepared, listed.folder) == (about(), 7, entry.folder)
    assert listed.size > 0
    os.utime(entry.folder / "about.json", (1e9, 1e9))
    Entry(about(input="y", made_from={"the data": "2"}))
    assert [gone.about.input for gone in store.clear(unused_days=3)] == ["x"]
    assert [left.about.input for left in store.entries()] == ["y"]
    store.clear()
    assert store.entries() == []


def test_an_entry_that_is_being_filled_is_not_cleared() -> None:
    entry = Entry(about())
    with store.locked(entry.folder):
        # Another process: the lock of this one would be had again.
        code = "from dlkit.data import store; print(len(store.clear()))"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "0"
    assert len(store.clear()) == 1


def test_a_row_whose_values_were_cut_off_by_a_kill_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry(about())
    real = store.write_all

    def killed(file: object, content: memoryview) -> None:
        real(file, content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "write_all", killed)
    with pytest.raises(KeyboardInterrupt):
        entry.write(np.arange(10), VALUES[:10])
    monkeypatch.undo()
    again = Entry(about())
    assert again.missing(np.arange(10)).tolist() == list(range(10))
    again.write(np.arange(10), VALUES[:10])
    np.testing.assert_array_equal(again.values[:10], VALUES[:10])


@pytest.mark.parametrize("name", ["values.npy", "rows.npy"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind", np.arange(3).tobytes()])
def test_files_that_are_not_the_store_s_are_refused(name: str, content: bytes) -> None:
    entry = Entry(about())
    (entry.folder / name).write_bytes(content)
    with pytest.raises((ValueError, OSError)):
        Entry(about())


def test_what_is_not_an_entry_is_left_alone(own_store: Path) -> None:
    Entry(about())
    (own_store / "foreign").mkdir()
    (own_store / "foreign" / "about.json").write_text("[1, 2")
    (own_store / "foreign" / "mine.txt").write_text("keep")
    assert len(store.entries()) == 1
    store.clear()
    assert (own_store / "foreign" / "mine.txt").read_text() == "keep"
