"""The elements of a tf.data pipeline, without the wait at its end."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from typing import Any

import tensorflow as tf


def elements(dataset: tf.data.Dataset) -> Iterator[Any]:
    """The elements of a dataset, whose iterator is given up by a thread of its own.

    Giving it up, TensorFlow (2.21) sometimes waits until the thread that tunes the pipeline wakes up, which takes up to
    half of the time that the iterator has lived, and at most a minute (docs/benchmarks.md).
    """
    held = [iter(dataset)]
    try:
        yield from held[0]
    except Exception as error:
        # Whoever keeps the error keeps TensorFlow's frames, and with them the iterator, until Python collects garbage.
        for one in (error, error.__context__, error.__cause__):
            if one is not None:
                traceback.clear_frames(one.__traceback__)
        raise
    finally:
        threading.Thread(target=held.clear, daemon=True, name="iterator").start()
