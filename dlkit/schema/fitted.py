"""What inputs, targets and steps learn from the training rows: plain values that JSON keeps, and their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

State = Mapping[str, Any]
Size = Annotated[int, Field(ge=1)]
# A deviation that is a smaller part of the mean is lost in float32, which has 24 bits.
SMALLEST_SPREAD = 1e-6
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # int64


class Fitted(BaseModel):
    """What a kind or a step keeps of the training rows. The state that a file holds is checked against it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


class Nothing(Fitted):
    """The state of what learns nothing."""
