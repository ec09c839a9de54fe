"""TFRecord files: columns and streams, pictures and sounds, files and places, and what `dlkit init` writes."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

import dlkit
from dlkit.config.problems import RunError
from dlkit.data.contract import Rows, Stream
from dlkit.data.load import load_splits
from dlkit.inputs.image import ImageInput
from dlkit.schema.data import Data
from dlkit.schema.guess import Asked, Sample
from dlkit.schema.source import Piece, Wanted
from dlkit.sources import tfrecord as module
from dlkit.sources.tfrecord import TfrecordSource
from tests.quick import ALONE
from tests.sources.records import FEATURES, columns, example, row, source, write
from tests.training.helpers import state_digest


def test_every_type_of_feature_is_a_column(tmp_path: Path) -> None:
    opened = source(write(tmp_path / "a.tfrecord", map(row, range(1200)))).open(("*",))
    found = columns(opened)
    assert opened.sizes == {"train": 1200}
    assert (found["label"] == np.arange(1200)).all() and found["label"].dtype == "int64"
    assert found["words"].tolist() == [f"é {n}" for n in range(1200)]
    assert found["vector"].dtype == "float32" and found["vector"][7].tolist() == [7, 0.5, -3.5]
    assert found["steps"].shape == (1200, 4, 2) and found["steps"].dtype == "float32"
    assert found["steps"][2, :3].ravel().tolist() == list(range(6)) and np.isnan(found["steps"][2, 3]).all()
    assert found["pixels"].shape == (1200, 2, 2, 1) and (found["pixels"][300] == 44).all()
    assert {name: (f.shape, f.dtype, f.ragged) for name, f in opened.fields.items()}["steps"] == (
        (4, 2), "float32", True,
    )  # fmt: skip


def test_whole_numbers_of_unequal_length_become_floats(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [example(x=list(range(n))) for n in (2, 0, 3)])
    found = columns(source(path, {"x": {"dtype": "int64", "shape": [None]}}).open(("x",)))["x"]
    np.testing.assert_array_equal(found, [[0, 1, np.nan], [np.nan] * 3, [0, 1, 2]])


OPTIONAL = {
    "x": {"dtype": "float32", "shape": [2], "optional": True},
    "n": {"dtype": "int64", "optional": True},
    "word": {"dtype": "string", "optional": True},
    "image": {"encoding": "image", "optional": True},
}


def test_what_an_optional_feature_lacks_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = example(x=[1.0, 2.0], n=3, word="é", image=picture(1))
    path = write(tmp_path / "a.tfrecord", [whole, example(x=[]), example(n=5)])
    opened = source(path, OPTIONAL).open(("*",))
    found = columns(opened)
    np.testing.assert_array_equal(found["x"], [[1, 2], [np.nan, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(found["n"], [3, np.nan, 5])
    assert found["word"].tolist() == ["é", "", ""] and found["image"].tolist() == [picture(1), b"", b""]
    assert [opened.fields[name].dtype for name in OPTIONAL] == ["float32", "float64", "string", "string"]
    monkeypatch.setattr("dlkit.sources.tfrecord.MEMORY_LIMIT", 1)
    stream = source(path, OPTIONAL).open(("*",)).stream
    assert stream is not None
    for number, one in enumerate(stream([Piece("train", 0, None)], None).as_numpy_iterator()):
        np.testing.assert_array_equal(one["x"], found["x"][number])
        np.testing.assert_array_equal(one["n"], found["n"][number])
        assert one["word"].decode() == found["word"][number]


def test_init_states_a_feature_that_some_records_lack_as_optional(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [example(n=1, x=[1.0, 2.0]), example(n=[], x=[1.0, 2.0]), example(n=3)])
    guess = TfrecordSource.guess(Asked(str(path)))
    assert guess is not None
    assert guess.settings["features"] == {
        "n": {"dtype": "int64", "optional": True},
        "x": {"dtype": "float32", "shape": [2], "optional": True},
    }
    assert columns(TfrecordSource.model_validate(dict(guess.settings)).open(("*",)))["n"].shape == (3,)


def test_files_of_a_pattern_are_in_natural_order_and_rows_have_places(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        write(tmp_path / f"part-{number}.tfrecord", [row(number), row(number + 100)])
    write(tmp_path / "part-3.tfrecord", [])
    opened = source({"train": tmp_path / "part-*.tfrecord", "test": tmp_path / "part-2.tfrecord"}).open(("label",))
    assert columns(opened)["label"].tolist() == [1, 101, 2, 102, 10, 110]
    assert columns(opened, "test")["label"].tolist() == [2, 102]
    assert opened.place is not None and opened.place("train", 3) == "part-2.tfrecord, record 2"
    assert opened.notes == ("1 files have no records, such as part-3.tfrecord",)
    assert set(opened.others) == set(FEATURES) - {"label"}


def picture(n: int) -> bytes:
    """A PNG file, whose size follows from the number."""
    content = io.BytesIO()
    Image.fromarray(np.full((4 + n % 3, 5, 3), 40 * (n % 2) + n, np.uint8)).save(content, "png")
    return content.getvalue()


def pictures(folder: Path, records: Any = None) -> dict[str, Any]:
    """The data of records of pictures, in several files."""
    for part in range(4):
        made = [example(image=picture(n), label=n % 2) for n in range(part * 10, part * 10 + 10)]
        write(folder / f"train-{part}.tfrecord", records or made)
    features = {"image": {"encoding": "image"}, "label": "int64"}
    given = {"kind": "tfrecord", "path": str(folder / "train-*.tfrecord"), "features": features}
    resized = {"kind": "image", "preprocess": [{"resize": {"height": 4, "width": 4}}, "rescale"]}
    return {"source": given, "inputs": {"image": resized}, "targets": {"label": {"kind": "number"}}, "batch_size": 8}


def test_pictures_stay_encoded_until_their_kind_decodes_them(tmp_path: Path) -> None:
    split = load_splits(Data.model_validate(pictures(tmp_path))).train
    assert isinstance(split, Rows) and split.make is not None
    batch = split.read(np.array([33, 2]))
    assert [x.shape for x in batch.inputs["image"]] == [(4, 5, 3), (6, 5, 3)]
    assert batch.inputs["image"][0][0, 0].tolist() == [73] * 3 and batch.targets["label"].tolist() == [1, 0]


def test_a_picture_that_cannot_be_decoded_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    broken = [example(image=picture(n)[: 50 if n == 7 else None], label=n % 2) for n in range(9)]
    config = {
        "name": "p",
        "data": pictures(tmp_path, broken),
        "model": {"builder": "mlp"},
        "training": {"epochs": 1, **ALONE},
        "runtime": {"compile": "graph"},
    }
    with pytest.raises(RunError, match=r"train-0\.tfrecord, record 8"):
        dlkit.train(config, runs_folder=tmp_path / "runs", verbose=False)
    config["data"]["clean"] = {"drop": ["unreadable"]}
    assert dlkit.train(config, runs_folder=tmp_path / "runs", verbose=False).history


def test_init_proposes_one_size_for_pictures_in_columns(tmp_path: Path) -> None:
    settings = Data.model_validate(pictures(tmp_path)).source
    assert settings is not None
    opened = settings.open(Wanted(("image",), ("label",)))
    guess = ImageInput.guess(Sample("image", opened.fields["image"], columns(opened)["image"], 40))
    assert guess is not None
    assert guess.settings["preprocess"] == [{"resize": {"height": 32, "width": 32}}, "rescale"]
    assert guess.reason.startswith("images of many sizes, in the middle 5 x 5")


def test_sounds(tmp_path: Path) -> None:
    content = io.BytesIO()
    soundfile.write(content, np.zeros(160), 16_000, format="wav")
    path = write(tmp_path / "a.tfrecord", [example(sound=content.getvalue(), label=n % 2) for n in range(4)])
    given = {"kind": "tfrecord", "path": str(path), "features": {"sound": {"encoding": "audio"}, "label": "int64"}}
    inputs = {"sound": {"kind": "audio"}}
    split = load_splits(
        Data.model_validate({"source": given, "inputs": inputs, "targets": {"label": {"kind": "category"}}})
    ).train
    assert isinstance(split, Rows)
    assert split.read(np.arange(2)).inputs["sound"].shape == (2, 160)


def test_what_is_too_large_is_a_stream_with_the_same_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures(tmp_path) | {"splits": {"train": "train[:75%]", "validation": "train[-7:]"}, "shuffle_buffer": 1}
    held = load_splits(Data.model_validate(data))
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    streamed = load_splits(Data.model_validate(data))
    assert "are read from the files in every epoch" in streamed.notes[0]
    for one, two in zip(held.by_name.values(), streamed.by_name.values(), strict=True):
        assert isinstance(one, Rows) and isinstance(two, Stream) and two.size == one.size
        read = list(two.make(1, -1).as_numpy_iterator())
        assert [int(y["label"]) for _, y, _ in read] == one.held.targets["label"].ravel().tolist()
        images = one.read(np.arange(one.size)).inputs["image"]
        assert all((x["image"] == image).all() for (x, *_), image in zip(read, images, strict=True))
    stream = streamed.train
    assert isinstance(stream, Stream)
    orders = [[x["image"].sum() for x, *_ in stream.make(5, n).as_numpy_iterator()] for n in (0, 0, 1, 2)]
    assert orders[0] == orders[1] and len({tuple(order) for order in orders}) == 3
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def test_a_stream_of_compressed_files_has_no_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.tfrecord", map(row, range(20)))
    path.write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    opened = source(path, compression="GZIP").open(("*",))
    assert opened.sizes == {"train": None} and opened.stream is not None
    (piece,) = [module.Piece("train", 0, None)]
    found = list(opened.stream([piece], None).as_numpy_iterator())
    assert [int(one["label"]) for one in found] == list(range(20))
    assert found[3]["steps"].shape == (4, 2) and found[3]["pixels"].shape == (2, 2, 1)


def test_the_fingerprint_is_of_files_and_features(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", map(row, range(3)))
    prints = [source(path).open(("label",)).fingerprint for _ in range(2)]
    assert prints[0] == prints[1]
    prints.append(source(path, {**FEATURES, "steps": {"dtype": "float32", "shape": [None]}}).open(("*",)).fingerprint)
    write(path, map(row, range(4)))
    prints.append(source(path).open(("label",)).fingerprint)
    assert len(set(prints)) == 3


@pytest.fixture(scope="module")
def of_memory(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of pictures, and what a run has learned that keeps them in memory."""
    folder = tmp_path_factory.mktemp("pictures")
    return folder, kept(folder, "memory", tmp_path_factory.mktemp("memory"))


def kept(folder: Path, cache: str, runs: Path) -> str:
    """What a run of two epochs has learned."""
    config = {"name": "p", "data": pictures(folder) | {"cache": cache}, "model": {"builder": "mlp"},
              "training": {"epochs": 2, **ALONE},
              "runtime": {"compile": "graph"}}  # fmt: skip
    return state_digest(dlkit.train(config, runs_folder=runs, verbose=False).folder)


@pytest.mark.slow  # sets of TFDS and folders of sounds take the same way
@pytest.mark.parametrize("cache", ["disk", "off"])
def test_the_store_changes_no_bit(cache: str, of_memory: tuple[Path, str], tmp_path: Path) -> None:
    folder, expected = of_memory
    assert kept(folder, cache, tmp_path) == expected


def test_init_writes_the_features_of_the_first_records(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [example(image=picture(n), mask=b"\xff\xfe\xfd", label=n) for n in range(3)])
    guess = TfrecordSource.guess(Asked(str(path)))
    assert guess is not None
    raw = {"encoding": "raw", "dtype": "uint8", "shape": [3]}
    assert guess.settings["features"] == {"image": {"encoding": "image"}, "label": "int64", "mask": raw}
    assert TfrecordSource.guess(Asked(str(tmp_path))) is None
    for split in ("train", "test"):
        path.with_stem(split).write_bytes(path.read_bytes())
    both = TfrecordSource.guess(Asked(str(tmp_path)))
    assert both is not None and set(both.settings["path"]) == {"train", "test"}
    packed = tmp_path / "b.tfrecord.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    zipped = TfrecordSource.guess(Asked(str(packed)))
    assert zipped is not None and zipped.settings["compression"] == "GZIP"
    opened = TfrecordSource.model_validate(dict(guess.settings)).open(("*",))
    assert opened.fields["image"].encoding == "image" and columns(opened)["mask"].shape == (3, 3)
