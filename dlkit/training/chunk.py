"""How many updates are made in one call of the compiled program."""

from __future__ import annotations

from dlkit.training.coordinator import Coordinator

# Signals, progress and checkpoints act between two chunks.
CHUNK_SECONDS = 0.5
FIRST_CHUNK = 16


class ChunkLength:
    """Updates of the next chunk, so that one takes about half a second. It changes no bit of the result."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator, self._steps = coordinator, FIRST_CHUNK

    def next(self, most: int) -> int:
        """Updates of the next chunk, at most this many."""
        return min(most, self._coordinator.min(self._steps))

    def took(self, steps: int, seconds: float) -> None:
        """A chunk took so long; the next one grows to four times it at most."""
        self._steps = max(1, min(4 * self._steps, round(CHUNK_SECONDS * steps / seconds)))
