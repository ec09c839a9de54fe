"""Weights and members of a model file that are not as Keras writes them are refused before they are read."""

from __future__ import annotations

import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.crafted import Small, refused


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("small"))


def of_another_shape(file: Any) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = np.zeros((3, 3), np.float32)


def of_words(file: Any) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = ["a", "b"]


def declared_alone(file: Any) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (10**6, 10**6), np.float32)


def declared_alone_in_chunks(file: Any) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (10**6, 10**6), np.float32, chunks=(1000, 1000))


def of_a_file(file: Any) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (64, 4), np.float32, external="/etc/passwd")


def linked(file: Any) -> None:
    import h5py

    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")


@pytest.mark.parametrize(
    "make", [of_another_shape, of_words, declared_alone, declared_alone_in_chunks, of_a_file, linked]
)
def test_weights_that_are_not_those_of_the_layers_are_refused(
    make: Callable[[Any], None], small: Small, tmp_path: Path
) -> None:
    changed = small.weights(make)
    assert refused(small.write(tmp_path / "x.keras", lambda c, a: {"model.weights.h5": changed})) == "damaged-model"


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + bytes(1000)])
def test_weights_that_are_no_hdf5_are_refused(content: bytes, small: Small, tmp_path: Path) -> None:
    assert refused(small.write(tmp_path / "x.keras", lambda c, a: {"model.weights.h5": content})) == "damaged-model"


@pytest.mark.parametrize(
    "name",
    ["../evil.py", "/tmp/evil.py", "assets/../../evil.py", "evil.py", "assets\\evil", "layers/x.pkl", "\x1b[2J.txt"],
)
def test_a_member_that_keras_does_not_write_is_refused(name: str, small: Small, tmp_path: Path) -> None:
    assert refused(small.write(tmp_path / "x.keras", lambda c, a: {name: "evil"})) == "damaged-model"
    assert not list(tmp_path.glob("**/evil*"))


def test_a_member_that_comes_twice_is_refused(small: Small, tmp_path: Path) -> None:
    path = small.write(tmp_path / "x.keras")
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("config.json", "{}")
    assert refused(path) == "damaged-model"


@pytest.mark.parametrize("name", ["assets/bomb", "model.weights.h5", "config.json", "metadata.json"])
def test_a_member_that_would_fill_the_memory_is_refused(name: str, small: Small, tmp_path: Path) -> None:
    path = small.write(tmp_path / "x.keras")
    with warnings.catch_warnings(), zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "y.keras", "w") as bomb:
        for member in whole.namelist():
            if member != name:
                bomb.writestr(member, whole.read(member))
        with bomb.open(_deflated(name), "w") as file:
            for _ in range(100):
                file.write(bytes(2**20))
    assert refused(tmp_path / "y.keras") == "damaged-model"


def _deflated(name: str) -> zipfile.ZipInfo:
    about = zipfile.ZipInfo(name)
    about.compress_type = zipfile.ZIP_DEFLATED
    return about


def test_an_encrypted_member_is_refused(small: Small, tmp_path: Path) -> None:
    path = small.write(tmp_path / "x.keras")
    content = bytearray(path.read_bytes())
    # The flag of encryption, in the directory and before the member itself.
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    path.write_bytes(content)
    assert refused(path) == "damaged-model"


def test_members_that_declare_other_sizes_are_refused(small: Small, tmp_path: Path) -> None:
    content = bytearray(small.write(tmp_path / "x.keras").read_bytes())
    for number, place in enumerate(_directory(content)):
        changed = bytearray(content)
        changed[place + 24 : place + 28] = struct.pack("<I", 2**32 - 2)
        (tmp_path / f"{number}.keras").write_bytes(changed)
        assert refused(tmp_path / f"{number}.keras") == "damaged-model"


def _directory(content: bytes) -> list[int]:
    places, start = [], 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:
        places.append(start)
        start += 4
    return places
