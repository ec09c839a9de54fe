"""The peer: the convolutional network of the tutorials with `fit`, tested after each epoch until it is good enough.

python benchmarks/tutorial.py mnist.npz 0 0.99 64      # data, seed, test accuracy to reach, batch size
"""

from __future__ import annotations

import sys

import keras
import numpy as np
from keras import layers

MOST_EPOCHS = 30


class StopWhenReached(keras.callbacks.Callback):
    """Ends training at an accuracy on the test images."""

    def __init__(self, accuracy: float) -> None:
        super().__init__()
        self._accuracy = accuracy

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the figures of the epoch."""
        assert logs is not None
        if logs["val_accuracy"] >= self._accuracy:
            self.model.stop_training = True


def main() -> None:
    """Train until the accuracy is reached, and give the epochs and the accuracy that it took."""
    path, seed, accuracy, batch_size = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    keras.utils.set_random_seed(seed)
    with np.load(path) as data:
        x_train, y_train = data["x_train"].astype("float32") / 255, data["y_train"]
        x_test, y_test = data["x_test"].astype("float32") / 255, data["y_test"]
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.compile(
        optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    history = model.fit(
        x_train,
        y_train,
        batch_size=batch_size,
        epochs=MOST_EPOCHS,
        validation_data=(x_test, y_test),
        callbacks=[StopWhenReached(accuracy)],
        verbose=2,
    )
    reached = history.history["val_accuracy"]
    print(len(reached), reached[-1])


if __name__ == "__main__":
    main()
