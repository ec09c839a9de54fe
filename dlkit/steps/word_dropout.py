"""`word_dropout`: words of training texts that count as unknown (Iyyer et al., 2015)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.base import Fraction
from dlkit.schema.step import Draw, StepSettings

ops, random = lazy("keras.ops"), lazy("keras.random")
# Ids of every text: padding, and words that the vocabulary does not have.
PADDING, UNKNOWN = 0, 1


class WordDropout(StepSettings):
    """Let a share of the words of each training text count as unknown, so that no single word decides."""

    also_called = "token_dropout, word_drop, random_unknown"
    needs_axes = ("tokens",)
    random = True
    word = "share"

    step: Literal["word_dropout"]
    share: Fraction = Field(0.1, description="Share of the words that are hidden.")

    def augmented(self, x: Any, draw: Draw) -> Any:
        """The ids, some of them that of an unknown word; padding stays padding."""
        hidden = random.uniform(ops.shape(x), seed=draw.seed) < self.share
        return ops.where(ops.logical_and(hidden, x != PADDING), ops.full_like(x, UNKNOWN), x)
