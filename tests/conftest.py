"""One TensorFlow per worker, on one thread each, so that two workers share two cores; and small real data."""

from __future__ import annotations

import gc
import os
import tempfile

from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
# Plug-ins that tests name are none that the user trusts.
_STATE = tempfile.TemporaryDirectory(prefix="dlkit-state-")
os.environ["XDG_STATE_HOME"] = _STATE.name
# What tests prepare is not what the user's runs have prepared.
os.environ["DLKIT_CACHE"] = f"{_STATE.name}/cache"
# As in the command line, the collector rests while modules are imported; for the tests it is turned on again.
gc.disable()
# Progress is tested as a pipe sees it, whatever terminal runs the tests.
os.environ.pop("FORCE_COLOR", None)

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("dlkit", deadline=None)
settings.load_profile("dlkit")


def pytest_collection_finish() -> None:
    """Spare the collector what has been imported: it would go through TensorFlow and Keras hundreds of times."""
    gc.collect()
    gc.freeze()
    gc.enable()
