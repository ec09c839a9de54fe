"""Settings of `runtime`: on what the program runs and how it is compiled."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlkit.config.schema.base import Positive, Section


class Runtime(Section):
    """On what the program runs and how it is compiled."""

    strategy: Literal["auto", "one_device"] = Field("auto", description="How replicas are placed (tf.distribute).")
    precision: Literal["float32"] = Field("float32", description="Type of the computation.")
    compile: Literal["auto", "xla", "graph"] = Field(
        "auto", description="Whether XLA compiles the training step; auto follows a fixed rule on the model and device."
    )
    parts: Literal["auto"] | Positive = Field(
        "auto", description="Parts of a batch computed side by side in one graph; auto follows a fixed rule."
    )
    deterministic: bool = Field(True, description="The same bits from the same configuration on the same machine.")
