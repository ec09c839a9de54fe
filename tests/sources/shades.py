"""A prepared set of TensorFlow Datasets that several tests read."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from dlkit.data.load import load_splits
from dlkit.schema.data import Data

ROWS = 200


def settings(name, data_dir, **changes):
    source = {"kind": "tfds", "name": name, "data_dir": str(data_dir), **changes.pop("source", {})}
    section = {
        "source": source,
        "inputs": {"image": {"kind": "image"}},
        "targets": {"label": {"kind": "category"}},
    }
    return Data.model_validate(section | changes)


def problem_of(error, data):
    with pytest.raises(error) as caught:
        load_splits(data)
    return caught.value.problems[0]


def make_shades(folder):
    """Prepare a set `shades` in several files, whose examples are numbered in `label_fine`."""

    def examples(count):
        for n in range(count):
            yield n, {"image": np.full((4, 4, 3), n, np.uint8), "label": n % 3, "label_fine": n, "text": f"shade {n}"}

    tfds.dataset_builders.store_as_tfds_dataset(
        name="shades",
        version="1.2.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(4, 4, 3)),
                "label": tfds.features.ClassLabel(names=["dark", "gray", "light"]),
                "label_fine": np.int64,
                "text": tfds.features.Text(),
            }
        ),
        split_datasets={"train": list(examples(ROWS)), "test": list(examples(30))},
        config="fine",
        data_dir=folder,
        download_config=tfds.download.DownloadConfig(num_shards=4),
    )
    return folder
