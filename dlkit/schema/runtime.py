"""Settings of `runtime`: on what the program runs and how it is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dlkit.schema.base import Positive, Section


class Runtime(Section):
    """On what the program runs and how it is compiled."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "devices": "device, gpu, gpus, num_gpus, n_gpus, accelerator, accelerators, cuda, cpu",
        "precision": "mixed_precision, amp, fp16, half",
        "strategy": "distributed, distribute, ddp, multi_gpu",
    }
    words_also_called: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "precision": {
            "mixed_float16": "fp16, float16, f16, half, amp, mixed, 16, 16-mixed, fp16-mixed",
            "mixed_bfloat16": "bf16, bfloat16, bf16-mixed",
            "float32": "fp32, f32, full, single, float, 32, 32-true",
        },
        "strategy": {
            "mirrored": "ddp, dp, multi_gpu, data_parallel, distributed, mirrored_strategy, mirroredstrategy",
            "one_device": "single, single_device, none, one",
        },
    }

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
    micro_batches: Literal["auto"] | Positive = Field(
        "auto", description="Parts of a batch computed side by side in one graph; auto follows a fixed rule."
    )
    deterministic: bool = Field(True, description="The same bits from the same configuration on the same machine.")
