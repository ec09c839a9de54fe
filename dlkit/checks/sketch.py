"""Models that take no memory: made in a graph of their own, where a variable has a shape and no value."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import tensorflow as tf

T = TypeVar("T")


def sketched(make: Callable[[], T]) -> T:
    """What a function gives where the variables that it makes hold nothing.

    It runs in a thread of its own: Keras counts names, and TensorFlow enters scopes, by thread, so that what is made
    for good comes out as if there had been no sketch. The same is done for the generators from which Keras draws the
    seeds of initial weights.

    Args:
        make: makes Keras models, optimizers or metrics, and reads no values of theirs.
    """

    def within_a_graph() -> T:
        with tf.Graph().as_default():
            return make()

    python, numpy = random.getstate(), np.random.get_state()
    try:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(within_a_graph).result()
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
