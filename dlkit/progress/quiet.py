"""Imports TensorFlow without its chatter, so that the terminal shows what dlkit says."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator


def load_tensorflow() -> None:
    """Import TensorFlow and Keras. Takes seconds, the first time in a process."""
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", module=r"(tensorflow|keras|tensorflow_datasets|google)(\.|$)")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with _errors_held_back():
        tensorflow = importlib.import_module("tensorflow")
        importlib.import_module("keras")
        # Drivers are looked for, and complained about, when devices are first asked for.
        tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def _errors_held_back() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; show it if the block fails.

    While it is imported, TensorFlow's C++ libraries write notices on drivers and CPU instructions straight to the
    descriptor: neither Python nor TF_CPP_MIN_LOG_LEVEL can stop those that come before its logger is set up.
    """
    if os.environ.get("DLKIT_DEBUG"):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
