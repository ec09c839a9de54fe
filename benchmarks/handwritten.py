"""The peer: what people write by hand with Keras for the models of the shipped configurations.

python benchmarks/handwritten.py cnn mnist.npz 64 1     # model, data, batch size, epochs: train, test and save
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers


def make_model(name: str) -> keras.Model:
    """The model of configs/mnist_<name>.yaml, compiled."""
    stacks = {
        "cnn": lambda: [
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
        ],
        "mlp": lambda: [
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.1),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.1),
        ],
        "rnn": lambda: [layers.Reshape((28, 28)), layers.LSTM(64)],
    }
    model = keras.Sequential([keras.Input((28, 28, 1)), *stacks[name](), layers.Dense(10)])
    model.compile(
        optimizer=keras.optimizers.Adam(0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, images as float32 in 0..1."""
    with np.load(path) as file:
        arrays = dict(file)
    return {name: a.astype("float32") / 255 if a.ndim == 4 else a for name, a in arrays.items()}


def main() -> None:
    """Train, test and save, as a script does."""
    name, path, batch_size, epochs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    keras.utils.set_random_seed(42)
    data = load(path)
    model = make_model(name)
    model.fit(
        data["x_train"],
        data["y_train"],
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(data["x_validation"], data["y_validation"]),
        verbose=2,
    )
    loss, accuracy = model.evaluate(data["x_test"], data["y_test"], verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
    print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
