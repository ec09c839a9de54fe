"""Networks of keras.applications, their files of weights, and a configuration that names one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers


def application(name: str) -> Any:
    """Keras's function."""
    return next(f for written, f in vars(keras.applications).items() if written.lower() == name and callable(f))


def saved(name: str, folder: Path, ending: str = ".weights.h5", **arguments: Any) -> Path:
    """Weights of a network that none is initialised with, statistics of normalisation and all."""
    network = application(name)(weights=None, **{"include_top": False, "input_shape": (32, 32, 3), **arguments})
    random = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    path = folder / f"{name}{ending}"
    network.save_weights(path) if ending == ".weights.h5" else network.save(path)
    return path


def configuration(file: Path | str, image: dict[str, Any] | None = None, **training: Any) -> dict[str, Any]:
    """Three classes of images, by a backbone."""
    return {
        "name": "t",
        "data": {
            "inputs": {"x": {"kind": "image", **(image or {})}},
            "targets": {"y": {"kind": "category", "classes": 3}},
            "batch_size": 8,
        },
        "model": {"builder": "cnn", "backbone": {"name": "mobilenet", "weights": str(file)}},
        "training": {"optimizer": "sgd", "epochs": 1, **training},
    }
