"""Arrays that are larger than a limit: mapped from files without a name, and equal to those in memory."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit import mapped
from dlkit.mapped import Growing, converted, counted, empty, is_mapped, numbered


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of this test alone, and no array of more than 100 bytes in memory."""
    monkeypatch.setenv("DLKIT_CACHE", str(tmp_path / "store"))
    monkeypatch.setattr(mapped, "LIMIT", 400)
    return tmp_path / "store"


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may become larger than 4,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_array_above_the_limit_is_mapped_from_a_file_without_a_name(store: Path) -> None:
    small, large = empty((10, 1), np.float64), empty((100, 7), np.float32)
    large[:] = 3
    assert (is_mapped(small), is_mapped(large)) == (False, True)
    assert large.shape == (100, 7)
    assert large.sum() == 2100
    assert list(store.iterdir()) == []
    assert not is_mapped(empty((1000,), object))


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-5, 5), max_size=30), max_size=8), st.integers(0, 300), st.integers(0, 8))
def test_pieces_become_one_array_wherever_they_are(pieces: list[list[int]], limit: int, whole: int) -> None:
    growing, arrays = Growing(limit), [np.array(p, np.int64 if n < whole else np.float64) for n, p in enumerate(pieces)]
    for array in arrays:
        growing.add(array)
    dtype = np.int64 if whole >= len(pieces) else np.float64
    found = growing.array(dtype)
    assert found.dtype == dtype
    assert found.tolist() == [value for piece in pieces for value in piece]


def test_pieces_beyond_the_limit_are_on_the_disk() -> None:
    growing = Growing(100)
    for _ in range(50):
        growing.add(np.ones(5))
    assert is_mapped(growing.array(np.float64))


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_keeps_the_pieces_in_memory() -> None:
    growing = Growing(100)
    for number in range(50):
        growing.add(np.full(20, number))
    assert growing.why_not_mapped
    found = growing.array(np.int64)
    assert not is_mapped(found)
    assert found.tolist() == [number for number in range(50) for _ in range(20)]
    assert not is_mapped(empty((1000,), np.float64))


def test_a_folder_that_cannot_be_written_keeps_arrays_in_memory(store: Path) -> None:
    store.write_text("a file")
    growing = Growing(0)
    growing.add(np.arange(50))
    assert str(store) in growing.why_not_mapped
    assert growing.array(np.int64).tolist() == list(range(50))
    assert not is_mapped(empty((1000,), np.float64))


def test_numbers_take_another_type_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "_PART", 64)
    values = np.linspace(0, 1, 300).reshape(100, 3)
    found = converted(values, np.float32)
    assert is_mapped(found)
    np.testing.assert_array_equal(found, values.astype(np.float32))
    assert converted(values, np.float64) is values


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), max_size=30) | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30))
def test_different_values_are_numbered_as_they_first_occur_and_counted_in_order(values: list[str] | list[int]) -> None:
    text = bool(values) and isinstance(values[0], str)
    column = np.array(values, str if text else np.int64)
    different, numbers = numbered(np.stack([column, column], axis=1)[:, 0])
    assert different.dtype == column.dtype
    assert different.tolist() == list(dict.fromkeys(column.tolist()))
    assert different[numbers].tolist() == column.tolist()
    found, times = counted(column)
    expected = sorted(set(column.tolist()))
    assert found.tolist() == expected
    assert times.tolist() == [column.tolist().count(value) for value in expected]
