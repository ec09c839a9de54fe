"""`kind: audio_folder`: a run on a folder of sounds, its notes, what it predicts for a file, and the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile

import dlkit
from dlkit.config.problems import RunError
from dlkit.inputs.audio import AudioInput
from dlkit.runs import RunFolder
from dlkit.schema.source import SourceField
from dlkit.sources.audio_folder import AudioFolderSource
from tests.quick import ALONE
from tests.training.helpers import state_digest

RATE = 8_000


def folder(root: Path) -> Path:
    """Low and high tones, of several formats, rates, lengths and channels, in folders of splits."""
    random = np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 8)):
        for name, hertz in (("low", 300), ("high", 1500)):
            (root / split / name).mkdir(parents=True)
            for n in range(count):
                rate = (8_000, 16_000, 22_050)[n % 3]
                time = np.arange(round(rate * random.uniform(0.15, 0.4))) / rate
                wave = 0.3 * np.sin(time * 2 * np.pi * hertz * random.uniform(0.9, 1.1)) + random.normal(
                    0, 0.02, time.size
                )
                values = np.stack([wave, wave], axis=1) if n % 2 else wave
                soundfile.write(root / split / name / f"{n}.{('wav', 'flac', 'ogg')[n % 3]}", values, rate)
    return root


def config(path: Path, **data: Any) -> dict[str, Any]:
    """A small network over a folder of sounds."""
    inputs = {"audio": {"kind": "audio", "rate": RATE, "seconds": 0.3, "augment": ["spec_augment"]}}
    inputs["audio"]["preprocess"] = [{"log_mel": {"bins": 16}}, "normalize"]
    section = {"source": {"kind": "audio_folder", "path": str(path)}, "inputs": inputs,
               "targets": {"label": {"kind": "category"}}, "batch_size": 8, **data}  # fmt: skip
    training = {"epochs": 6, "optimizer": {"name": "adam", "learning_rate": 0.02}, **ALONE}
    return {
        "name": "tones",
        "data": section,
        "model": {"builder": "rnn", "units": [8]},
        "training": training,
        "runtime": {"compile": "graph"},
    }


def test_a_network_tells_tones_in_folders_apart_also_of_a_file_that_plain_keras_is_given(tmp_path: Path) -> None:
    root = folder(tmp_path / "tones")
    run = dlkit.train(config(root), runs_folder=tmp_path, verbose=False)
    assert run.test["accuracy"] >= 0.9
    path = root / "test" / "low" / "1.flac"
    model = keras.saving.load_model(run.folder / "model.keras")
    settings = AudioInput.model_validate(config(root)["data"]["inputs"]["audio"])
    feature = settings.feature("audio", SourceField((), "string", encoding="audio"))
    found = model.predict(settings.from_file(path, feature)[np.newaxis], verbose=0)[0]
    assert found.argmax() == 1  # the classes are high and low


def test_a_table_labels_sounds_of_one_folder(tmp_path: Path) -> None:
    for n in range(4):
        soundfile.write(tmp_path / f"{n}.wav", np.zeros(100), RATE)
    (tmp_path / "labels.csv").write_text("file,label\n0.wav,no\n1.wav,yes\n2.wav,no\n")
    settings = {"kind": "audio_folder", "path": str(tmp_path), "labels": str(tmp_path / "labels.csv")}
    source = AudioFolderSource.model_validate(settings).open()
    assert source.arrays is not None and source.place is not None
    labels = source.arrays("train")["label"].tolist()
    found = {source.place("train", n): label for n, label in enumerate(labels)}
    assert found == {"0.wav": "no", "1.wav": "yes", "2.wav": "no"}
    assert "labels.csv lists 3 sounds and not 1 more, such as `3.wav`" in "\n".join(source.notes)


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that no test changes."""
    return folder(tmp_path_factory.mktemp("tones") / "tones")


@pytest.fixture(scope="module")
def of_memory(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run has learned whose sounds are kept in memory."""
    return kept(tones, "memory", tmp_path_factory.mktemp("memory"))


def kept(tones: Path, cache: str, runs: Path) -> str:
    """What a run of two epochs has learned, of a network that is quickly made."""
    given = {**config(tones, cache=cache), "model": {"builder": "mlp", "dense": [4]}}
    given["training"]["epochs"] = 2
    return state_digest(dlkit.train(given, runs_folder=runs, verbose=False).folder)


# With images this is compared in test_tfds_encoded.py, and row by row in test_prepare.py.
@pytest.mark.slow
@pytest.mark.parametrize("cache", ["disk", "memory", "off"])
def test_the_store_changes_no_bit(cache: str, tones: Path, of_memory: str, tmp_path: Path) -> None:
    assert kept(tones, cache, tmp_path) == of_memory


def test_cut_sounds_and_mixed_rates_are_reported_and_a_damaged_file_stops_by_name(tmp_path: Path) -> None:
    root = folder(tmp_path / "tones")
    run = dlkit.train(config(root), ["training.epochs=1"], runs_folder=tmp_path, verbose=False)
    log = RunFolder(run.folder).log.read_text()
    assert "brought to 8,000 Hz" in log and "longer than 0.3 s" in log
    path = root / "train" / "low" / "3.wav"
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(RunError, match=r"train/low/3\.wav is not a whole sound file: it is cut off"):
        dlkit.train(config(root), runs_folder=tmp_path, verbose=False)
