"""Settings of `runtime`: on what the program runs and how it is compiled."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlkit.schema.base import Positive, Section


class Runtime(Section):
    """On what the program runs and how it is compiled."""

    strategy: Literal["auto", "one_device", "mirrored"] = Field(
        "auto",
        description="Replicas of the model (tf.distribute): one, or one for each device; auto: as many as devices.",
    )
    devices: Annotated[str, Field(pattern=r"^(cpu|gpu)(:[1-9][0-9]?)?$")] | None = Field(
        None,
        description="Kind and number of the devices, as in `gpu:2`; `cpu:2` makes two of the CPU, one thread each.",
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = Field(
        "float32", description="Type of the computation, as Keras names it; weights and results are always float32."
    )
    compile: Literal["auto", "xla", "graph"] = Field(
        "auto", description="Whether XLA compiles the training step; auto follows a fixed rule on the model and device."
    )
    parts: Literal["auto"] | Positive = Field(
        "auto", description="Parts of a batch computed side by side in one graph; auto follows a fixed rule."
    )
    deterministic: bool = Field(True, description="The same bits from the same configuration on the same machine.")
