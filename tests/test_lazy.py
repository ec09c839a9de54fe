"""Imports without the collector of garbage leave it as it was."""

from __future__ import annotations

import gc

import pytest

from dlkit.lazy import without_collector


def test_the_collector_rests_within_the_block_and_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="in the block"), without_collector():
        assert not gc.isenabled()
        raise ValueError("in the block")
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with without_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
