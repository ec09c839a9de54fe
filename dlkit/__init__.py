"""dlkit: one YAML file in, one trained, tested and shippable Keras model out.

The public names are imported when they are first used, so that `import dlkit` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlkit.api import Run, find_lr, load_config, load_run, train
    from dlkit.api_data import describe, show
    from dlkit.config.problems import ConfigError, DlkitError, RunError
    from dlkit.data.bound import Spec
    from dlkit.models.build import build_model
    from dlkit.models.notebook import attention, cnn, linear, mlp, rnn
    from dlkit.schema import Config
    from dlkit.schema.features import Feature

_HOME = {
    "Config": "dlkit.schema",
    "ConfigError": "dlkit.config.problems",
    "DlkitError": "dlkit.config.problems",
    "Feature": "dlkit.schema.features",
    "Run": "dlkit.api",
    "RunError": "dlkit.config.problems",
    "Spec": "dlkit.data.bound",
    "build_model": "dlkit.models.build",
    "describe": "dlkit.api_data",
    "find_lr": "dlkit.api",
    "load_config": "dlkit.api",
    "load_run": "dlkit.api",
    "show": "dlkit.api_data",
    "train": "dlkit.api",
}

__all__ = [
    "Config",
    "ConfigError",
    "DlkitError",
    "Feature",
    "Run",
    "RunError",
    "Spec",
    "attention",
    "build_model",
    "cnn",
    "describe",
    "find_lr",
    "linear",
    "load_config",
    "load_run",
    "mlp",
    "rnn",
    "show",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("dlkit-tf")
    # Every builder is a function of its name, for notebooks.
    builder = not name.startswith("_") and name not in _HOME and find_spec(f"dlkit.builders.{name}") is not None
    home = "dlkit.models.notebook" if builder else _HOME.get(name)
    if home is not None:
        if home.startswith(("dlkit.models", "dlkit.data")):
            from dlkit.progress.quiet import load_tensorflow

            load_tensorflow()
        return getattr(import_module(home), name)
    raise AttributeError(f"module 'dlkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
