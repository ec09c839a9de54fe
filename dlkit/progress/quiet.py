"""Imports TensorFlow without its chatter, so that the terminal shows what dlkit says."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# Lines of the loggers of TensorFlow's C++ libraries, and what they add to them.
CHATTER = re.compile(
    rb"[IWEF]\d{4} \d\d:\d\d:|WARNING: All log messages before absl|To enable the following instructions: |\s*$"
)


def load_tensorflow() -> None:
    """Import TensorFlow and Keras. Takes seconds, the first time in a process."""
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        _hush_loggers()
        return
    with without_chatter():
        tensorflow = importlib.import_module("tensorflow")
        importlib.import_module("keras")
        # Drivers are looked for, and complained about, when devices are first asked for.
        tensorflow.config.list_physical_devices()


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
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not CHATTER.match(line):
                    os.write(2, line)


def _hush_loggers() -> None:
    import logging
    import warnings

    warnings.filterwarnings("ignore", module=r"(tensorflow|keras|tensorflow_datasets|google)(\.|$)")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
