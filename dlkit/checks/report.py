"""What was built and chosen, as plain data: what `dlkit check` prints."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.checks.context import CheckContext
from dlkit.checks.memory import BASIS, available_memory, estimate
from dlkit.data.augment import layer_name
from dlkit.looking.network import network
from dlkit.schema.features import Feature
from dlkit.training.best import chosen_monitor
from dlkit.training.program.execution import choose
from dlkit.training.program.strategy import replicas


def report(case: CheckContext) -> dict[str, Any]:
    """Everything that was decided for a configuration.

    Returns:
        Mappings of plain values: `splits`, `inputs`, `targets`, `layers`, `memory` in bytes, `training`, `compile`.
    """
    return {
        "name": case.config.name,
        "data": [] if case.splits is None else list(case.splits.notes),
        "splits": {
            name: {"examples": size, "steps": case.steps.get(name)} for name, size in case.built.spec.sizes.items()
        },
        "inputs": {name: _input(case, feature) for name, feature in case.built.spec.inputs.items()},
        "targets": {name: _feature(feature) for name, feature in case.built.spec.targets.items()},
        "layers": network(case.built.model, case.built.origins).content["layers"],
        "parameters": {
            "trainable": _count(case.built.network.trainable_variables),
            "other": _count(case.built.model.non_trainable_weights),
        },
        "memory": _memory(case),
        "training": _training(case),
        "compile": _compile(case),
    }


def _feature(feature: Feature) -> dict[str, Any]:
    return {
        "kind": feature.kind,
        "shape": list(feature.shape),
        "dtype": feature.dtype,
        "classes": list(feature.classes),
    }


def _input(case: CheckContext, feature: Feature) -> dict[str, Any]:
    """An input before preprocessing, and as the network takes it."""
    tensors = case.built.network.input
    tensor = tensors[feature.name] if isinstance(tensors, dict) else tensors
    about = _feature(feature) | {
        "prepared": {"shape": list(tensor.shape[1:]), "dtype": keras.backend.standardize_dtype(tensor.dtype)},
        "preprocess": [step.step for step in case.config.data.inputs[feature.name].preprocess],
        "augment": [layer_name(x) for x in case.built.preprocessing.augment[feature.name]],
    }
    if "train" in case.batches:
        x = case.batches["train"].prepared[feature.name].astype(np.float64)
        x = x[~np.isnan(x)]  # padding
        if x.size:
            about["prepared"] |= {"min": float(np.min(x)), "max": float(np.max(x)), "mean": float(np.mean(x))}
    return about


def _count(variables: list[Any]) -> int:
    return sum(math.prod(v.shape) for v in variables)


def _memory(case: CheckContext) -> dict[str, Any]:
    memory = estimate(case)
    return {
        "parameters": memory.parameters,
        "gradients": memory.gradients,
        "optimizer": memory.optimizer,
        "activations": memory.activations,
        "copies": memory.copies,
        "data": memory.data,
        "total": memory.total,
        "available": available_memory(),
        "basis": BASIS,
    }


def _training(case: CheckContext) -> dict[str, Any]:
    settings = case.config.training
    monitor, mode = chosen_monitor(settings, validation="validation" in case.built.spec.sizes)
    averaging = {"use_ema", "ema_momentum"} if not settings.optimizer.use_ema else set()
    optimizer = settings.optimizer.model_dump(exclude=averaging)
    targets: dict[str, dict[str, Any]] = {}
    for name, target in case.built.spec.targets.items():
        default = f"the default for a {target.kind}"
        loss, given = case.built.choice.loss_name(target)
        targets[name] = {
            "loss": loss,
            "loss_why": "given" if given else default,
            "metrics": [metric.name for metric in case.built.choice.metrics(target)],
            "metrics_why": "given" if case.built.choice.metrics_are_given(target) else default,
        }
        if case.trial is not None:
            targets[name]["first_loss"] = case.trial.losses[name]
    return {
        "targets": targets,
        "epochs": settings.epochs,
        "batch_size": case.config.data.batch_size,
        "steps_per_epoch": case.steps.get("train"),
        "optimizer": {k: v for k, v in optimizer.items() if v is not None},
        "initial_weights": case.initial_weights or None,
        "schedule": settings.schedule.model_dump(),
        "monitor": monitor,
        "mode": mode,
        "early_stopping": settings.early_stopping.model_dump() if settings.early_stopping else None,
    }


def _compile(case: CheckContext) -> dict[str, Any]:
    """How the step is compiled, and by which part of the rule of dlkit.training.choices."""
    runtime, number = case.config.runtime, replicas(case.config)
    chosen = choose(case.config, case.built, number)
    if runtime.compile != "auto":
        why = "asked for by `runtime.compile`"
    elif tf.config.list_logical_devices("GPU"):
        why = "the rule for a GPU"
    elif chosen.compile == "xla":
        why = "no layer that it runs slowly on a CPU"
    elif number > 1:
        why = "a replica's share of a step is faster as a graph"
    elif chosen.micro_batches > 1:
        why = "the batch is large enough to be shared among the cores"
    else:
        why = "on a CPU, XLA runs convolutions and pooling slowly"
    return {"chosen": chosen.compile, "micro_batches": chosen.micro_batches, "why": why}
