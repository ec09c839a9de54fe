"""Imports TensorFlow without its chatter, so that the terminal shows what dlkit says."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dlkit.config.problems import ConfigError, Problem
from dlkit.lazy import without_collector

# Lines of the loggers of TensorFlow's C++ libraries, and what they add to them.
CHATTER = re.compile(
    rb"[IWEF]\d{4} \d\d:\d\d:|WARNING: All log messages before absl|To enable the following instructions: |\s*$"
)


def load_tensorflow() -> None:
    """Import TensorFlow and Keras. Takes seconds, the first time in a process.

    Raises:
        ConfigError: if Keras is set to another backend, or this process is a fork of one that had trained.
    """
    from dlkit.training.forks import refuse_in_fork

    refuse_in_fork()
    _must_be_tensorflow(os.environ.get("KERAS_BACKEND", "tensorflow"))
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        _hush_loggers()
    else:
        with without_chatter(), without_collector():
            tensorflow = importlib.import_module("tensorflow")
            _import_keras()
            # Drivers are looked for, and complained about, when devices are first asked for.
            tensorflow.config.list_physical_devices()
    _must_be_tensorflow(sys.modules["keras"].backend.backend())


def _import_keras() -> None:
    """Import Keras; where it cannot be, because its file of settings names a backend that is not here, say that."""
    try:
        importlib.import_module("keras")
    except ImportError:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
            _must_be_tensorflow(str(json.loads((home / "keras.json").read_text(encoding="utf-8"))["backend"]))
        raise


def _must_be_tensorflow(backend: str) -> None:
    if backend != "tensorflow":
        help = "set KERAS_BACKEND=tensorflow before Python starts, or unset it; ~/.keras/keras.json may name one, too"
        raise ConfigError(
            Problem("keras-backend", f"dlkit needs Keras's TensorFlow backend, not `{backend}`", help=help)
        )


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Within the block TensorFlow may be imported; its notices are dropped, everything else is shown at the end.

    While it is imported, its C++ libraries write notices on drivers and CPU instructions straight to file descriptor 2:
    neither Python nor TF_CPP_MIN_LOG_LEVEL can stop those that come before its logger is set up. With DLKIT_DEBUG set
    they are let through.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("DLKIT_DEBUG"):
        yield
        return
    _hush_loggers()
    _flush_errors()
    try:
        kept = os.dup(2)
    except OSError:  # a process without standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            _flush_errors()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not CHATTER.match(line):
                    os.write(2, line)


def _flush_errors() -> None:
    """Write out what Python holds back for standard error; a notebook or a service may have put anything there."""
    flush = getattr(sys.stderr, "flush", None)
    if flush is not None:
        flush()


def _hush_loggers() -> None:
    import logging
    import warnings

    warnings.filterwarnings("ignore", module=r"(tensorflow|keras|tensorflow_datasets|google)(\.|$)")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
