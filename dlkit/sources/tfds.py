"""`kind: tfds`: a data set of TensorFlow Datasets: prepared, bundled with dlkit, or downloaded, in this order."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.config.causes import first_line
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.base import FilePath
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import Piece, SourceData, SourceField, SourceSettings, expanded
from dlkit.sources._tfds_features import refuse_foreign_features
from dlkit.sources.bundled import TFDS_VERSIONS, BundledSource

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
elements, network = lazy("dlkit.elements"), lazy("dlkit.sources._network")
tf, tfds = lazy("tensorflow"), lazy("tensorflow_datasets")

# Sets whose examples have a fixed size, up to this number of bytes, are held in memory.
MEMORY_LIMIT = 2**30
_KEY = ("data", "source", "name")
_NAME = re.compile(r"(?P<name>\w+)(/(?P<config>[^:]+))?(:(?P<version>(\d+|\*)\.(\d+|\*)\.(\d+|\*)))?")


class TfdsSource(SourceSettings):
    """A data set of the TensorFlow Datasets catalogue."""

    also_called = "tensorflow_datasets, tf_datasets"

    kind: Literal["tfds"]
    name: str = Field(
        min_length=1, description="Name in the catalogue, with version if wanted: `mnist` or `mnist:3.0.1`."
    )
    data_dir: FilePath | None = Field(
        None, description="Folder of prepared sets; by default that of tensorflow-datasets."
    )
    download: bool = Field(True, description="Download and prepare the set when there is no copy on this machine.")

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A set by its name, where it is prepared on this machine."""
        match = _NAME.fullmatch(asked.given)
        if asked.path is not None or match is None or match["name"] not in cls.set_names():
            return None
        return SourceGuess(0.7, {"kind": "tfds", "name": asked.given}, "a set of TensorFlow Datasets, prepared here")

    @classmethod
    def set_names(cls) -> list[str]:
        """What is prepared on this machine."""
        folders = [folder for folder in _data_dirs(cls(kind="tfds", name="any")) if folder.is_dir()]
        return sorted({info.parent.parent.name for folder in folders for info in folder.glob("*/*/dataset_info.json")})

    def open(self, wanted: Collection[str]) -> SourceData:
        """The set of that name, downloaded and prepared if it has to be.

        Small sets of fixed shape are held in memory; others are streamed. Examples come in the order of the files, so
        that slices mean the same as in `tfds.load`.

        Raises:
            ConfigError: TFDS has no such set.
            RunError: it is not on this machine and cannot be downloaded.
        """
        if (bundled := _bundled(self)) is not None:
            return bundled
        builder = _builder(self)
        with _quiet():
            prepared = builder.is_prepared()
        if not prepared:
            _download(builder, self)
        found = _described(builder)
        wanted = expanded(wanted, found.fields)
        if not set(wanted) <= set(found.fields):
            return found
        if _bytes(found, wanted) <= MEMORY_LIMIT:
            arrays = cache(lambda split: _arrays(builder, split, found, wanted))
            return SourceData(found.name, found.sizes, found.fields, arrays, notes=found.notes)

        def stream(pieces: Sequence[Piece], seed: int | None) -> Any:
            return _dataset(builder, pieces, wanted, seed)

        return SourceData(found.name, found.sizes, found.fields, stream=stream, notes=found.notes)

    def describe(self) -> SourceData:
        """As `open`, without examples and without a network; sizes are empty for a set that is not prepared."""
        bundled = _bundled(self)
        return bundled if bundled is not None else _described(_builder(self))


def _bundled(settings: TfdsSource) -> SourceData | None:
    """The copy that ships with dlkit, if it has one and nothing is prepared. Does not import TFDS."""
    match = _NAME.fullmatch(settings.name)
    if match is None or match["config"] or match["name"] not in TFDS_VERSIONS:
        return None
    version = TFDS_VERSIONS[match["name"]]
    asked = (match["version"] or version).split(".")
    if any(a not in ("*", v) for a, v in zip(asked, version.split("."), strict=True)):
        return None
    if any((folder / match["name"] / version / "dataset_info.json").is_file() for folder in _data_dirs(settings)):
        return None
    source = BundledSource.model_validate({"kind": "bundled", "name": match["name"]}).open()
    note = f"{source.name} is read from the copy that ships with dlkit: the same examples in the same order as TFDS's"
    return SourceData(source.name, source.sizes, source.fields, source.arrays, notes=(note,))


def _data_dirs(settings: TfdsSource) -> list[Path]:
    """Where TFDS would look for prepared sets."""
    if settings.data_dir is not None:
        return [Path(settings.data_dir).expanduser()]
    if "tensorflow_datasets" in sys.modules:  # only then can others have been registered
        from tensorflow_datasets.core.utils import file_utils

        return [Path(folder) for folder in file_utils.list_data_dirs()]
    return [Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()]


def _builder(settings: TfdsSource) -> Any:
    match = _NAME.fullmatch(settings.name)
    name = match["name"] if match else settings.name
    folders = [folder for folder in _data_dirs(settings) if folder.is_dir()]
    prepared = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()} - {"downloads"}
    known = prepared | set(tfds.list_builders(with_community_datasets=False))
    if match is None or name not in known:
        raise _unknown(f"TFDS has no data set `{settings.name}`", did_you_mean(name, known, "it has"))
    refuse_foreign_features((folder / name for folder in _data_dirs(settings)), _KEY)
    try:
        with _quiet():
            return tfds.builder(settings.name, data_dir=settings.data_dir)
    except ImportError as error:
        help = "install what it names"
        raise RunError(Problem("download-failed", f"`{name}` cannot be used: {error}", _KEY, help=help)) from error
    except Exception as error:  # TFDS raises ValueError, AssertionError and its own, for configs and versions alike
        raise _unknown(*_unknown_variant(match, settings.name, error)) from error


def _unknown_variant(match: re.Match[str], asked: str, error: Exception) -> tuple[str, str]:
    """Message and help for a set that exists, but not with that config or version."""
    try:
        configs = list(tfds.builder_cls(match["name"]).builder_configs)
    except Exception:  # a set that is only there as files has no class
        configs = []
    if match["config"] and match["config"] not in configs:
        help = did_you_mean(match["config"], configs, "it has")
        return f"the data set `{match['name']}` has no config `{match['config']}`", help
    cause = first_line(error, after='}": ')  # what follows TFDS's list of arguments
    return f"TFDS has no `{asked}` ({cause.rstrip('.')})", "leave the version out, or correct it"


def _download(builder: Any, settings: TfdsSource) -> None:
    """Prepare the set, after a look whether there is a network: TFDS itself tries for minutes."""
    folder = Path(builder.data_path)
    name = builder.info.full_name
    command = f"python -c \"import tensorflow_datasets as tfds; tfds.load('{settings.name}', data_dir='tfds')\""
    help = (
        f"on a machine with a network, run: {command}; copy the folder `tfds` here and set data.source.data_dir to it"
    )
    if manual := getattr(builder, "MANUAL_DOWNLOAD_INSTRUCTIONS", None):
        help = f"it has to be downloaded by hand: {' '.join(manual.split())}"
    missing = f"the data set `{name}` is not prepared in {folder}"
    if not settings.download:
        raise RunError(Problem("not-prepared", f"{missing}, and `download` is false", _KEY, help=help))
    urls = list(builder.url_infos)
    if urls and not network.reachable(urls):
        hosts = ", ".join(sorted({url.split("/")[2] for url in urls})[:3])
        raise RunError(Problem("no-network", f"{missing}, and there is no connection to {hosts}", _KEY, help=help))
    try:
        with _quiet():
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    except Exception as error:  # of the network, the disk, a checksum, a missing package
        cause = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise RunError(
            Problem("download-failed", f"{missing}, and preparing it failed: {cause}", _KEY, help=help)
        ) from error


def _described(builder: Any) -> SourceData:
    info = builder.info
    fields = {name: _field(feature) for name, feature in dict(info.features or {}).items()}
    sizes = {name: split.num_examples for name, split in (info.splits or {}).items()}
    return SourceData(
        info.full_name.replace("/", ":") if info.full_name.count("/") == 1 else info.full_name, sizes, fields
    )


def _field(feature: Any) -> SourceField:
    shape, dtype = feature.shape, feature.np_dtype
    if not isinstance(shape, tuple) or isinstance(dtype, Mapping):
        return SourceField(None, "object")  # nested features
    dtype = np.dtype(dtype)
    name = "string" if dtype.kind in "OSU" else dtype.name
    classes = tuple(feature.names or ()) if hasattr(feature, "num_classes") and feature.num_classes else ()
    return SourceField(shape, name, classes)


def _bytes(found: SourceData, wanted: Collection[str]) -> float:
    """Bytes of the wanted fields over all splits; infinite where a size varies."""
    example = 0.0
    for field in (found.fields[name] for name in wanted):
        if field.shape is None or None in field.shape or field.dtype in ("string", "object"):
            return float("inf")
        example += np.prod(np.array(field.shape, np.float64)) * np.dtype(field.dtype).itemsize
    return example * sum(size or 0 for size in found.sizes.values())


def _arrays(builder: Any, split: str, found: SourceData, wanted: Collection[str]) -> dict[str, np.ndarray]:
    size = found.sizes[split] or 0
    arrays = {}
    for name in wanted:
        shape: Any = found.fields[name].shape
        arrays[name] = np.empty((size, *shape), found.fields[name].dtype)
    start = 0
    with _quiet(), _damage_named(builder, split):
        for batch in elements.elements(_dataset(builder, [Piece(split, 0, size)], wanted, None).batch(1024)):
            rows = len(next(iter(batch.values())))
            for name, array in arrays.items():
                array[start : start + rows] = batch[name].numpy()
            start += rows
    return arrays


@contextlib.contextmanager
def _damage_named(builder: Any, split: str) -> Iterator[None]:
    """Within the block, records that cannot be read are reported with the folder that they are in.

    Raises:
        RunError: if TensorFlow finds one.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        words = error.message.split("}} ")[-1].split(" [Op:")[0].splitlines()[0]
        message = f"the prepared files of `{split}` in {builder.data_path} are damaged: {words}"
        help = "delete that folder, and the set is prepared again; or take it from a copy"
        raise RunError(Problem("damaged-data", message, _KEY, help=help)) from error


def _dataset(builder: Any, pieces: Sequence[Piece], wanted: Collection[str], seed: int | None) -> Any:
    """Single examples, dictionaries of the wanted fields; the files in an order of that seed, or in their own."""
    parts = [tfds.core.ReadInstruction(p.split, from_=p.start, to=p.stop, unit="abs") for p in pieces]
    instruction = parts[0]
    for part in parts[1:]:
        instruction = instruction + part
    # Read one file at a time: TFDS would interleave several, and examples would not come in the order of slices.
    config = tfds.ReadConfig(
        interleave_cycle_length=1 if seed is None else 16,
        shuffle_seed=seed,
        shuffle_reshuffle_each_iteration=False,
        try_autocache=False,
    )
    config.options.deterministic = True
    decoders = tfds.decode.PartialDecoding(dict.fromkeys(wanted, True))
    return builder.as_dataset(split=instruction, shuffle_files=seed is not None, read_config=config, decoders=decoders)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without TFDS's progress bars, prints and warnings."""
    tfds.disable_progress_bar()
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def _unknown(message: str, help: str) -> ConfigError:
    return ConfigError(Problem("unknown-dataset", message, _KEY, help=help))
