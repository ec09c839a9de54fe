"""Heavy modules, named at the top of a file and imported when they are first used.

    layers = lazy("keras.layers")

A file of settings can so hold its behaviour as well, and costs nothing while a configuration is only read.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from importlib import import_module
from typing import Any


class _LazyModule:
    """No `ModuleType`, which takes ten times as long to find that an attribute is not its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by tools that look at every module
            raise AttributeError(name)
        if self._module is None:
            self._module = import_module(self._name)
        return getattr(self._module, name)


def lazy(name: str) -> Any:
    """A stand-in for a module, which is imported when an attribute of it is first asked for.

    Args:
        name: full name of the module.

    Raises:
        ImportError: at the first use, where there is no such module.
    """
    return _LazyModule(name)


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Within the block Python looks for no garbage: for imports, which make much and drop little of it.

    The collector goes through all that there is again and again while TensorFlow is imported: a fifth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
