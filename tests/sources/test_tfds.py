"""Sets of TensorFlow Datasets: prepared, bundled, downloaded from a server on this machine, or not to be had."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import tensorflow_datasets as tfds

from dlkit.config.problems import ConfigError, RunError
from dlkit.data.contract import Rows, Stream
from dlkit.data.load import load_spec, load_splits
from dlkit.schema.data import Data
from dlkit.sources import _tfds_columns as module
from tests import processes
from tests.sources.shades import ROWS, problem_of, settings


def fine(prepared, **changes):
    return settings("shades/fine", prepared, targets={"label_fine": {"kind": "number"}}, **changes)


def read(prepared, split):
    """The numbers that plain TFDS reads for a slice, in the order of the files."""
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    dataset = tfds.load("shades/fine", split=split, data_dir=prepared, read_config=in_order)
    return [int(row["label_fine"]) for row in dataset.as_numpy_iterator()]


def test_a_prepared_set_is_held_in_memory_and_knows_its_classes(prepared):
    splits = load_splits(settings("shades/fine:1.2.0", prepared))
    assert isinstance(splits.train, Rows)
    assert dict(splits.spec.sizes) == {"train": ROWS, "test": 30}
    assert splits.spec.targets["label"].classes == ("dark", "gray", "light")
    inputs, targets, *_ = splits.train.arrays
    assert (inputs["image"][:, 0, 0, 0] % 3 == targets["label"]).all()
    assert splits.notes == ()


@pytest.mark.parametrize("slices", ["train", "train[10%:60%]", "train[-7:]", "train[:5%]+test[3:]"])
def test_slices_are_those_of_tfds_in_memory_and_streamed(prepared, slices, monkeypatch):
    expected = read(prepared, slices)
    data = fine(prepared, splits={"train": slices})
    assert load_splits(data).train.arrays.targets["label_fine"].tolist() == expected
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    stream = load_splits(data).train
    assert isinstance(stream, Stream)
    assert stream.size == len(expected)
    assert [int(y["label_fine"]) for _, y, _ in stream.make(1, -1).as_numpy_iterator()] == expected


def test_a_stream_reads_files_in_a_seeded_order(prepared, monkeypatch):
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    assert len(list((prepared / "shades/fine/1.2.0").glob("*train*"))) == 4
    # A buffer of one example shuffles nothing, so that what is left is the order of the files.
    stream = load_splits(fine(prepared, shuffle_buffer=1)).train

    def numbers(seed, epoch):
        return [int(y["label_fine"]) for _, y, _ in stream.make(seed, epoch).as_numpy_iterator()]

    orders = [numbers(5, epoch) for epoch in range(4)]
    assert all(sorted(order) == list(range(ROWS)) for order in orders)
    assert orders == [numbers(5, epoch) for epoch in range(4)]
    assert len({tuple(order) for order in orders}) > 1


def test_fields_are_looked_up(prepared):
    data = settings("shades/fine", prepared, targets={"labels": {"kind": "category"}})
    problem = problem_of(ConfigError, data)
    assert (problem.code, problem.key) == ("unknown-column", ("data", "targets", "labels"))
    assert "did you mean `label`?" in problem.help
    text = problem_of(ConfigError, settings("shades/fine", prepared, inputs={"text": {"kind": "number"}}))
    assert (text.code, text.key) == ("field-type", ("data", "inputs", "text"))


def test_mistakes_in_fields_and_slices_are_reported_together(prepared):
    data = settings(
        "shades/fine", prepared, inputs={"imge": {"kind": "image"}}, splits={"train": "train", "test": "tset"}
    )
    with pytest.raises(ConfigError) as caught:
        load_splits(data)
    assert [problem.code for problem in caught.value.problems] == ["unknown-column", "unknown-split"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shade", "did you mean `shades`?"),
        ("cifar1o", "did you mean `cifar10`?"),
        ("glue/colla", "did you mean `cola`?"),
        ("mnist:1.0.0", "leave the version out"),
        ("hugging face:x", "it has `"),
    ],
)
def test_an_unknown_set_gets_the_nearest_name(prepared, name, says):
    problem = problem_of(ConfigError, settings(name, prepared))
    assert (problem.code, problem.key) == ("unknown-dataset", ("data", "source", "name"))
    assert says in problem.help
    assert "builder_kwargs" not in problem.message


def test_mnist_is_bundled_where_nothing_is_prepared(tmp_path):
    (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)  # what a preparation that was broken off leaves behind
    data = settings("mnist:3.*.*", tmp_path, splits={"train": "train[:90%]", "validation": "train[90%:]"})
    splits = load_splits(data)
    assert "ships with dlkit" in splits.notes[0]
    assert (splits.train.size, splits.validation.size) == (54_000, 6000)
    bundled = data.model_copy(update={"source": Data.model_validate(_bundled(data)).source})
    assert load_splits(bundled).fingerprint == splits.fingerprint
    assert load_splits(bundled).notes == ()


def _bundled(data):
    return data.model_dump(exclude={"source"}) | {"source": {"kind": "bundled", "name": "mnist"}}


def test_a_prepared_mnist_goes_before_the_bundled_one(tmp_path):
    tfds.dataset_builders.store_as_tfds_dataset(
        name="mnist",
        version="3.0.1",
        features=tfds.features.FeaturesDict(
            {"image": tfds.features.Image(shape=(28, 28, 1)), "label": tfds.features.ClassLabel(num_classes=10)}
        ),
        split_datasets={"train": [(n, {"image": np.zeros((28, 28, 1), np.uint8), "label": 3}) for n in range(5)]},
        data_dir=tmp_path,
    )
    splits = load_splits(settings("mnist", tmp_path))
    assert (splits.train.size, splits.notes) == (5, ())


def test_without_a_network_the_run_ends_at_once_and_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("dlkit.sources._network.reachable", lambda urls: False)
    problem = problem_of(RunError, settings("cifar10", tmp_path))
    assert problem.code == "no-network"
    assert str(tmp_path) in problem.message
    assert "www.cs.toronto.edu" in problem.message
    assert "tfds.load('cifar10'" in problem.help
    assert "data.source.data_dir" in problem.help


def test_nothing_is_downloaded_where_that_is_not_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr("dlkit.sources._network.reachable", lambda urls: pytest.fail("asked for the network"))
    assert problem_of(RunError, settings("cifar10", tmp_path, source={"download": False})).code == "not-prepared"


class DlkitStripes(tfds.core.GeneratorBasedBuilder):
    """A set that is downloaded from a server on this machine."""

    VERSION = tfds.core.Version("1.0.0")
    url = ""
    url_infos = {}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"image": tfds.features.Tensor(shape=(2,), dtype=np.float32)})
        )

    def _split_generators(self, dl_manager):
        path = dl_manager.download(self.url)
        return {"train": self._generate_examples(path)}

    def _generate_examples(self, path):
        for i, row in enumerate(np.loadtxt(path, delimiter=",", dtype=np.float32)):
            yield i, {"image": row}


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_a_set_is_downloaded_prepared_and_then_found(server, tmp_path, monkeypatch, capfd):
    folder, address = server
    (folder / "rows.csv").write_text("1,2\n3,4\n5,6\n")
    monkeypatch.setattr(DlkitStripes, "url", f"{address}/rows.csv")
    monkeypatch.setattr(DlkitStripes, "url_infos", {f"{address}/rows.csv": None})
    fields = {"inputs": {"image": {"kind": "number"}}, "targets": {"y": {"kind": "number", "column": "image"}}}
    data = settings("dlkit_stripes", tmp_path / "data", **fields)
    splits = load_splits(data)
    assert sorted(splits.train.arrays.inputs["image"].tolist()) == [[1, 2], [3, 4], [5, 6]]
    lines = capfd.readouterr()
    assert "Downloading" not in lines.out + lines.err
    monkeypatch.setattr("dlkit.sources._network.reachable", lambda urls: pytest.fail("asked for the network"))
    assert load_splits(data).fingerprint == splits.fingerprint


def test_a_download_that_fails_ends_in_one_message(server, tmp_path, monkeypatch):
    _, address = server
    monkeypatch.setattr(DlkitStripes, "url", f"{address}/missing.csv")
    monkeypatch.setattr(DlkitStripes, "url_infos", {f"{address}/missing.csv": None})
    problem = problem_of(RunError, settings("dlkit_stripes", tmp_path / "data"))
    assert problem.code == "download-failed"
    assert "\n" not in problem.message


def test_the_spec_is_known_before_anything_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr("dlkit.sources._network.reachable", lambda urls: pytest.fail("asked for the network"))
    spec = load_spec(settings("fashion_mnist", tmp_path))
    assert spec.inputs["image"].shape == (28, 28, 1)
    assert spec.targets["label"].classes[:2] == ("T-shirt/top", "Trouser")
    assert dict(spec.sizes) == {}
    assert list(tmp_path.iterdir()) == []


def test_sources_do_not_import_tfds_for_the_bundled_set(tmp_path):
    code = (
        "import sys; from dlkit.schema.data import Data; from dlkit.data.load import load_splits;"
        "load_splits(Data.model_validate({'source': {'kind': 'tfds', 'name': 'mnist', 'data_dir': sys.argv[1]},"
        "'inputs': {'image': {'kind': 'image'}}, 'targets': {'label': {'kind': 'category'}}}));"
        "print('tensorflow_datasets' in sys.modules)"
    )
    done = processes.python(code, str(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
