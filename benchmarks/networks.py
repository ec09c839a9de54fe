"""The networks that are measured, written in Keras, and the images they are trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

RATE = 0.2


def make_network(name: str, dropout: Callable[[float], Any] = layers.Dropout) -> keras.Model:
    """A network that gives logits: `cnn`, `lstm`, `mlp`, or `mlp-dropout` with a dropout after each hidden layer.

    Args:
        name: of the network.
        dropout: the layer to use for dropout, made from its rate.
    """
    stacks: dict[str, Callable[[], list[Any]]] = {
        "cnn": lambda: [
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
        ],
        "lstm": lambda: [layers.Reshape((28, 28)), layers.LSTM(64)],
        "mlp": lambda: [
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"),
        ],
        "mlp-dropout": lambda: [
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            dropout(RATE),
            layers.Dense(64, activation="relu"),
            dropout(RATE),
        ],
    }
    return keras.Sequential([keras.Input((28, 28, 1)), *stacks[name](), layers.Dense(10)])


def load_training(path: Path, images: int) -> tuple[np.ndarray, np.ndarray]:
    """The first training images of an .npz file: float32 in 0..1, shape (n, 28, 28, 1), and int32 labels."""
    with np.load(path) as file:
        return file["x_train"][:images].astype("float32") / 255, file["y_train"][:images].astype("int32")
