"""The bundled MNIST is that of TensorFlow Datasets, example for example."""

import numpy as np
import pytest

from dlkit.bundled import make_order
from dlkit.bundled.reading import FOLDER, read_mnist
from dlkit.data.load import load_splits
from dlkit.data.splits import pieces
from dlkit.schema.data import Data


def test_equal_examples_are_taken_in_turn():
    order = make_order.find_order([b"b", b"a", b"a", b"c"], [b"a", b"b", b"c", b"a"])
    assert order.tolist() == [1, 0, 3, 2]


@pytest.mark.parametrize("examples", [[b"d", b"a"], [b"a", b"a"]])
def test_a_foreign_example_is_refused(examples):
    with pytest.raises(KeyError):
        make_order.find_order(examples, [b"a", b"b"])


@pytest.mark.slow
def test_bundled_mnist_is_that_of_tfds_in_order_byte_for_byte(tmp_path, monkeypatch):
    make_order.prepare_with_tfds(tmp_path)
    for split in ("train", "test"):
        images, labels = make_order.read_with_tfds(tmp_path, split)
        ours = read_mnist(split)
        assert images.tobytes() == ours[0].tobytes()
        assert (labels == ours[1]).all()
    for slices in ("train[:90%]", "train[90%:]", "train[-500:]", "test[33%:66.6%]", "test[7:19]+train[:1%]"):
        images, labels = make_order.read_with_tfds(tmp_path, slices)
        cut = [
            tuple(a[p.start : p.stop] for a in read_mnist(p.split))
            for p in pieces(slices, {"train": 60_000, "test": 10_000})
        ]
        assert images.tobytes() == np.concatenate([x for x, _ in cut]).tobytes()
        assert (labels == np.concatenate([y for _, y in cut])).all()

    def loaded(**source):
        settings = {"splits": {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}}
        settings |= {"inputs": {"image": {"kind": "image"}}, "targets": {"label": {"kind": "category"}}}
        return load_splits(Data.model_validate({"source": source, **settings}))

    prepared = loaded(kind="tfds", name="mnist", data_dir=str(tmp_path))
    bundled = loaded(kind="bundled", name="mnist")
    assert prepared.notes == ()
    assert prepared.spec == bundled.spec
    assert prepared.fingerprint == bundled.fingerprint

    folder = tmp_path / "made"
    folder.mkdir()
    for path in FOLDER.glob("*.gz"):
        (folder / path.name).symlink_to(path)
    monkeypatch.setattr(make_order, "FOLDER", folder)
    make_order.main()
    with np.load(folder / "order.npz") as made, np.load(FOLDER / "order.npz") as shipped:
        assert all((made[split] == shipped[split]).all() for split in ("train", "test"))
