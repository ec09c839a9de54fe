"""Saved models: plain Keras archives from raw input to probabilities, with what dlkit knows in a member of its own."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.data.bound import Input, Spec, Target
from dlkit.files import disk_errors, written_aside
from dlkit.models.build import BuiltModel, results_model
from dlkit.schema.features import Feature
from dlkit.schema.input import INPUTS
from dlkit.schema.registry import Registry
from dlkit.schema.target import TARGETS

MEMBER = "dlkit.json"
# A configuration of a network is some kilobytes; far larger ones are made to fill the memory.
LARGEST_CONFIG = 16 * 2**20


def save_model(path: Path, built: BuiltModel) -> None:
    """Write `model.keras`: raw input to float32 probabilities, compiled, whole or not at all.

    Plain Keras opens, evaluates and goes on training it. Names of inputs, targets, kinds and classes travel in a
    member `dlkit.json` of the archive, which Keras ignores.
    """
    model = results_model(built)
    model.optimizer.build(model.trainable_variables)
    size = sum(v.nbytes if hasattr(v, "nbytes") else 0 for v in (w.numpy() for w in model.weights))
    with disk_errors(path, size), written_aside(path) as aside:
        # Keras insists on the ending.
        whole = aside.with_name(aside.name + ".keras")
        try:
            model.save(whole)
            with zipfile.ZipFile(whole, "a") as archive:
                archive.writestr(MEMBER, json.dumps(describe(built.spec), indent=2))
            whole.replace(aside)
        finally:
            whole.unlink(missing_ok=True)


def describe(spec: Spec) -> dict[str, Any]:
    """A `Spec` as JSON holds it: features, settings and what was fitted of every input and target."""

    def one(bound: Input | Target) -> dict[str, Any]:
        settings = bound.settings.model_dump(mode="json", exclude_unset=True)
        return {**asdict(bound.feature), "settings": settings, "state": dict(bound.state)}

    return {
        "format": 2,
        "inputs": [one(bound) for bound in spec.inputs.values()],
        "targets": [one(bound) for bound in spec.targets.values()],
    }


def read_spec(about: dict[str, Any]) -> Spec:
    """What `describe` wrote; format 1, which has features alone, is read as well.

    Raises:
        KeyError: for a kind that there is not.
        ValueError: for settings that are not those of the kind.
    """

    def feature(d: dict[str, Any]) -> Feature:
        shape, classes = tuple(d["shape"]), tuple(d["classes"])
        return Feature(d["name"], d["kind"], shape, d["dtype"], classes, bool(d.get("ragged", False)))

    def settings(registry: Registry[Any], d: dict[str, Any]) -> Any:
        return registry[d["kind"]].model_validate(d.get("settings") or {"kind": d["kind"]})

    inputs = [Input(feature(d), state=d.get("state", {}), settings=settings(INPUTS, d)) for d in about["inputs"]]
    targets = [Target(feature(d), state=d.get("state", {}), settings=settings(TARGETS, d)) for d in about["targets"]]
    return Spec({i.name: i for i in inputs}, {t.name: t for t in targets})


def load_model(path: Path) -> tuple[keras.Model, Spec]:
    """Open a saved model that dlkit wrote.

    Returns:
        The model, compiled, and the Spec it was trained for.

    Raises:
        ConfigError: if there is no such file.
        RunError: if it is damaged, or was not written by dlkit.
    """
    if not path.is_file():
        raise ConfigError(
            Problem("no-such-model", f"there is no model file {path}", help="give a run folder or a model.keras")
        )
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
            if bad is not None:
                raise zipfile.BadZipFile(f"its member {bad} is damaged")
            if archive.getinfo("config.json").file_size > LARGEST_CONFIG:
                raise ValueError("its config.json is far larger than that of any network")
            about = json.loads(archive.read(MEMBER)) if MEMBER in archive.namelist() else None
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error
    if about is None:
        raise RunError(
            Problem(
                "not-a-dlkit-model",
                f"{path} was not saved by dlkit: it does not say what its inputs and classes are",
                help="open it with keras.saving.load_model",
            )
        )
    try:
        model = keras.saving.load_model(path)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error
    return model, read_spec(about)


def _damaged(path: Path, error: Exception) -> RunError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return RunError(
        Problem(
            "damaged-model",
            f"{path} is not a whole Keras model: {reason}",
            help="take a copy, or train the run again",
        )
    )
