"""`kind: audio`: files of every depth, rate and number of channels; lengths; arrays; what is refused by name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
from matplotlib.figure import Figure

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.data.bound import Input
from dlkit.data.values import RowPlace
from dlkit.inputs.audio import AudioInput
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import Piece, SourceField, Wanted
from dlkit.sources.audio_folder import AudioFolderSource
from tests.quick import ALONE

RATE = 16_000


def tone(seconds: float = 0.5, rate: int = RATE, channels: int = 1, hertz: float = 440.0) -> np.ndarray:
    """A sine, whose second channel is silent: shape (samples,), or (samples, channels)."""
    wave = 0.5 * np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * hertz / rate)
    return wave if channels == 1 else np.stack([wave, *[0 * wave] * (channels - 1)], axis=1)


def audio(**settings: Any) -> AudioInput:
    """The settings of an input."""
    return AudioInput.model_validate({"kind": "audio", **settings})


def feature(samples: int) -> Feature:
    """Sounds of so many samples."""
    return Feature("x", "audio", (samples,), "float32", ragged=True)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_U8", 0.01), ("a.wav", "PCM_16", 1e-4), ("a.wav", "PCM_24", 1e-6), ("a.wav", "PCM_32", 1e-6),
        ("a.wav", "FLOAT", 1e-6), ("a.wav", "DOUBLE", 1e-6), ("a.flac", "PCM_16", 1e-4), ("a.flac", "PCM_24", 1e-6),
        ("a.ogg", "VORBIS", 0.05), ("a.aiff", "PCM_16", 1e-4),
    ],
)  # fmt: skip
def test_files_of_every_depth_hold_the_same_sound(name: str, subtype: str, tolerance: float, tmp_path: Path) -> None:
    soundfile.write(tmp_path / name, tone(), RATE, subtype=subtype)
    found = audio().decode(str(tmp_path / name), feature(8000))
    assert (found.shape, found.dtype) == ((8000,), np.float32)
    np.testing.assert_allclose(found, tone(), atol=tolerance)
    np.testing.assert_array_equal(audio().decode((tmp_path / name).read_bytes(), feature(8000)), found)
    np.testing.assert_array_equal(audio().from_file(tmp_path / name, feature(8000)), found)


@pytest.mark.parametrize("shape", [(20, 8), (20, 8, 1)])
def test_frames_are_drawn_as_frames_in_whatever_stage_they_are(shape: tuple[int, ...]) -> None:
    bound = Input(feature(8000), settings=audio())
    frames = np.arange(20 * 8, dtype="float32").reshape(shape)
    for prepared in (False, True):
        axes = Figure().add_subplot()
        audio().draw(axes, frames, bound, prepared=prepared)
        assert len(axes.images) == 1 and not axes.lines


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_another_rate_and_two_channels_become_the_models_own(rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate=rate, channels=2), rate, subtype="FLOAT")
    found = audio().decode(str(tmp_path / "a.wav"), feature(8000))
    # The mean with a silent channel is half as loud; a filter needs some samples at either end.
    np.testing.assert_allclose(found[200:-200], tone()[200:-200] / 2, atol=0.01)


def test_shorter_sounds_are_padded_and_of_longer_ones_the_middle_or_the_start_is_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "a.wav")
    soundfile.write(path, tone(), RATE, subtype="FLOAT")
    whole = tone().astype("float32")
    padded = audio().decode(path, feature(9000))
    np.testing.assert_array_equal(np.isnan(padded), np.arange(9000) >= 8000)
    np.testing.assert_array_equal(audio().decode(path, feature(1000)), whole[3500:4500])
    np.testing.assert_array_equal(audio(crop="start").decode(path, feature(1000)), whole[:1000])


def damaged(kind: str) -> bytes:
    """The content of a file that is no whole sound."""
    if kind in ("empty", "foreign"):
        return b"" if kind == "empty" else b"this is no sound at all, but text" * 9
    format, _, how = kind.partition(" ")
    buffer = io.BytesIO()
    values = tone(2.0)
    if how == "of nothing":
        values = values[:0]
    if how == "with NaN":
        values[7] = np.nan
    soundfile.write(buffer, values, RATE, format=format, subtype="FLOAT" if how == "with NaN" else None)
    content = buffer.getvalue()
    return content[: len(content) // 2] if how == "cut off" else content


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "it is empty"),
        ("foreign", "format"),
        ("WAV cut off", "it is cut off"),
        ("FLAC cut off", "."),
        ("OGG cut off", "it is cut off"),
        ("AIFF cut off", "it is cut off"),
        ("WAV of nothing", "no sound"),
        ("WAV with NaN", "NaN"),
    ],
)
def test_files_that_are_no_whole_sound_are_refused(kind: str, words: str, tmp_path: Path) -> None:
    content = damaged(kind)
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    for stored in (str(path), content):
        with pytest.raises(ValueError, match=words):
            audio().decode(stored, feature(32_000))
    with pytest.raises(RunError, match="not a whole sound file"):
        audio().from_file(path, feature(32_000))


def folder(root: Path) -> AudioFolderSource:
    """A folder of two classes, of mixed formats and rates."""
    for name in ("high", "low"):
        (root / name).mkdir(parents=True)
    for n in range(4):
        soundfile.write(root / "low" / f"{n}.wav", tone(0.1 + 0.1 * n), RATE, subtype="PCM_16")
        soundfile.write(root / "high" / f"{n}.flac", tone(0.2, 44_100, 2, 1760.0), 44_100)
    (root / "low" / "notes.txt").write_text("no sound")
    return AudioFolderSource(kind="audio_folder", path=str(root))


def place(source: Any) -> RowPlace:
    """The rows of its training split."""
    return RowPlace("train", ("audio",), (Piece("train", 0, 8),), ("data", "inputs", "audio"), source.place)


def test_a_folder_gives_paths_and_classes_and_its_lengths_rates_and_channels_are_reported(tmp_path: Path) -> None:
    source = folder(tmp_path / "tones").open(Wanted(("audio",), ("label",)))
    columns = source.arrays("train")  # type: ignore[misc]
    assert source.sizes == {"train": 8}
    assert source.fields["label"].classes == ("high", "low")
    assert [Path(path).parent.name for path in columns["audio"]] == columns["label"].tolist()
    assert "notes.txt" in source.notes[0]
    settings = audio()
    start = settings.feature("audio", source.fields["audio"])
    assert (start.shape, start.ragged) == ((None,), True)
    found, _, notes = settings.fit(columns["audio"], start, place(source))
    assert found.shape == (round(0.4 * RATE),)
    (note,) = notes
    assert "44,100 Hz (4 files)" in note and "brought to 16,000 Hz" in note and "4 of 8 files have several" in note
    decoded = np.stack([settings.decode(path, found) for path in columns["audio"]])
    assert decoded.shape == (8, 6400)
    assert AudioFolderSource(kind="audio_folder", path=str(tmp_path / "tones")).open().fingerprint == source.fingerprint


def test_cut_sounds_are_counted(tmp_path: Path) -> None:
    source = folder(tmp_path / "tones").open()
    paths = source.arrays("train")["audio"]  # type: ignore[misc]
    settings = audio(seconds=0.25)
    bound = Input(settings.feature("audio", source.fields["audio"]), settings=settings)
    (note,) = settings.notes(paths, bound, place(source))
    assert note == "train: 2 of 8 sounds of `audio` are longer than 0.25 s: their centre is kept"


def test_a_damaged_file_of_a_folder_is_named(tmp_path: Path) -> None:
    settings = folder(tmp_path / "tones")
    path = tmp_path / "tones" / "low" / "2.wav"
    path.write_bytes(path.read_bytes()[:-500])
    source = settings.open()
    paths = source.arrays("train")["audio"]  # type: ignore[misc]
    with pytest.raises(RunError, match=r"low/2\.wav is not a whole sound file: it is cut off"):
        audio().fit(paths, feature(100), place(source))


def test_a_folder_without_sounds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "1.jpg").write_bytes(b"picture")
    with pytest.raises(RunError) as refused:
        AudioFolderSource(kind="audio_folder", path=str(tmp_path)).open()
    assert refused.value.problems[0].code == "no-class-folders"


# Arrays.


def config(**settings: Any) -> dict[str, Any]:
    """A small network over sounds of 1000 samples a second."""
    steps = [{"log_mel": {"bins": 4}}, "normalize"]
    data = {
        "inputs": {"x": {"kind": "audio", "rate": 1000, "preprocess": steps, **settings}},
        "targets": {"y": {"kind": "binary"}},
        "batch_size": 20,
    }
    return {
        "name": "sounds",
        "data": data,
        "model": {"builder": "rnn", "units": [4]},
        "training": {"epochs": 1, **ALONE},
        "runtime": {"compile": "graph"},
    }


X = np.random.default_rng(0).uniform(-0.5, 0.5, (40, 300)).astype("float32")
PADDED = X.copy()
PADDED[::2, 200:] = np.nan
Y = np.arange(40) % 2


def test_padding_changes_no_result(tmp_path: Path) -> None:
    run = dlkit.train(config(), data={"train": (PADDED, Y)}, runs_folder=tmp_path, verbose=False)
    model = keras.saving.load_model(run.folder / "model.keras")
    more = np.concatenate([PADDED[:, :200], np.full((40, 100), np.nan, np.float32)], axis=1)
    np.testing.assert_allclose(model(more[::2]), model(PADDED[::2]), atol=1e-6)
    np.testing.assert_allclose(model(PADDED[:1]), model(PADDED[:2])[:1], atol=1e-6)


def test_whole_numbers_become_minus_1_to_1_and_lengths_are_cut_and_padded() -> None:
    settings = audio(rate=1000, seconds=0.2)
    at = RowPlace("train", ("x",), (Piece("train", 0, 40),), ("data", "inputs", "x"))
    for dtype, middle, largest in (("int16", 0, 2**15), ("uint8", 128, 128), ("int32", 0, 2**31)):
        whole = np.round(X.astype("float64") * (largest - 1) + middle).astype(dtype)
        found = settings.values(whole, feature(200), at)
        np.testing.assert_allclose(found, X[:, 50:250], atol=1.5 / largest + 1e-6)
    mixed = settings.values(PADDED, feature(250), at)
    np.testing.assert_array_equal(mixed[1], X[1, 25:275])
    np.testing.assert_array_equal(np.isnan(mixed[0]), np.arange(250) >= 200)


@pytest.mark.parametrize("crop", ["centre", "start"])
def test_an_example_of_a_stream_is_cut_as_in_an_array(crop: str) -> None:
    settings = audio(rate=1000, seconds=0.2, crop=crop)
    at = RowPlace("train", ("x",), (Piece("train", 0, 40),), ("data", "inputs", "x"))
    for row in (PADDED[0], PADDED[1], X[2, :50]):
        expected = settings.values(row[np.newaxis], feature(200), at)[0]
        np.testing.assert_array_equal(settings.example(row, feature(200)).numpy(), expected)


@pytest.mark.parametrize("wrong", ["all", "inside"])
def test_padding_alone_and_holes_are_refused_with_their_row(wrong: str) -> None:
    x = PADDED.copy()
    x[6, slice(None) if wrong == "all" else 100] = np.nan
    with pytest.raises(RunError, match="row 6"):
        dlkit.train(config(), data=(x, Y), verbose=False)


def test_sounds_of_several_channels_and_unknown_lengths_are_refused() -> None:
    for column in (SourceField((300, 2), "float32"), SourceField((None,), "float32")):
        with pytest.raises(ConfigError):
            audio().feature("x", column)


def test_augmented_sounds_train_and_as_images_a_cnn_reads_them(tmp_path: Path) -> None:
    given = config(augment=["spec_augment", "noise", {"shift": 0.2}])
    assert from_mapping(given, needs_source=False).config.data.inputs["x"].random_layers()[2].arguments == {
        "share": 0.2
    }
    assert dlkit.train(given, data=(PADDED, Y), runs_folder=tmp_path, verbose=False).state == "finished"
    steps = [{"log_mel": {"bins": 16, "window": 0.1, "as_image": True}}, "normalize"]
    given = config(preprocess=steps, augment=["spec_augment", "shift"])
    given["model"] = {"builder": "cnn", "blocks": [{"filters": 4}]}
    assert dlkit.train(given, data=(PADDED, Y), runs_folder=tmp_path, verbose=False).state == "finished"
    # Frames of bands are steps of channels to it; what it does not read is a single number an example.
    cnn = {"builder": "cnn", "blocks": [{"filters": 4}]}
    assert from_mapping({**config(), "model": cnn}, needs_source=False)
    numbers = {**config()["data"], "inputs": {"x": {"kind": "number"}}}
    with pytest.raises(ConfigError, match="the cnn builder needs an image, a sequence or a text"):
        from_mapping({**config(), "data": numbers, "model": cnn}, needs_source=False)
