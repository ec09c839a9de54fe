"""`kind: tfds`: a data set of TensorFlow Datasets: prepared, bundled with dlkit, or downloaded, in this order."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from dlkit.config.causes import first_line
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.base import FilePath
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import Piece, SourceData, SourceSettings, expanded
from dlkit.sources import _tfds_columns as columns
from dlkit.sources._tfds_columns import KEY
from dlkit.sources._tfds_features import refuse_foreign_features
from dlkit.sources.bundled import TFDS_VERSIONS, BundledSource

network, tfds = lazy("dlkit.sources._network"), lazy("tensorflow_datasets")
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

        What fits is held in memory: arrays of fixed shape, text, and images and sounds as they are encoded; others are
        streamed. Examples come in the order of the files, so that slices mean the same as in `tfds.load`.

        Raises:
            ConfigError: TFDS has no such set.
            RunError: it is not on this machine and cannot be downloaded.
        """
        if (bundled := _bundled(self)) is not None:
            return bundled
        builder = _builder(self)
        with columns.quiet():
            prepared = builder.is_prepared()
        if not prepared:
            _download(builder, self)
        found = _described(builder)
        wanted = expanded(wanted, found.fields)
        if not set(wanted) <= set(found.fields):
            return found
        fields = {name: found.fields[name] for name in wanted}
        size = columns.bytes_of(builder, fields, found.sizes)
        if size <= columns.MEMORY_LIMIT:
            return replace(
                found, arrays=cache(lambda split: columns.arrays_of(builder, split, found.sizes[split] or 0, fields))
            )

        def stream(pieces: Sequence[Piece], seed: int | None) -> Any:
            return columns.dataset_of(builder, pieces, fields, seed)

        why = "its examples differ in shape" if size == inf else f"it takes {size / 2**30:,.1f} GiB"
        note = f"{found.name} is read from its files in every epoch, since {why}"
        return replace(found, stream=stream, notes=(*found.notes, note))

    def describe(self) -> SourceData:
        """As `open`, without examples and without a network; sizes are empty for a set that is not prepared."""
        bundled = _bundled(self)
        return bundled if bundled is not None else _described(_builder(self))

    def in_python(self) -> tuple[list[str], list[str]] | None:
        """What TFDS gives; None for the copy that ships with dlkit, which a script could only download."""
        if _bundled(self) is not None:
            return None
        folder = "" if self.data_dir is None else f", data_dir={json.dumps(self.data_dir)}"
        load = f"tfds.load({json.dumps(self.name)}, split=split, batch_size=-1{folder})"
        return [f"    return tfds.as_numpy({load})[name]"], ["import tensorflow_datasets as tfds"]


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
    refuse_foreign_features((folder / name for folder in _data_dirs(settings)), KEY)
    try:
        with columns.quiet():
            return tfds.builder(settings.name, data_dir=settings.data_dir)
    except ImportError as error:
        help = "install what it names"
        raise RunError(Problem("download-failed", f"`{name}` cannot be used: {error}", KEY, help=help)) from error
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
        raise RunError(Problem("not-prepared", f"{missing}, and `download` is false", KEY, help=help))
    urls = list(builder.url_infos)
    if urls and not network.reachable(urls):
        hosts = ", ".join(sorted({url.split("/")[2] for url in urls})[:3])
        raise RunError(Problem("no-network", f"{missing}, and there is no connection to {hosts}", KEY, help=help))
    try:
        with columns.quiet():
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    except Exception as error:  # of the network, the disk, a checksum, a missing package
        cause = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise RunError(
            Problem("download-failed", f"{missing}, and preparing it failed: {cause}", KEY, help=help)
        ) from error


def _described(builder: Any) -> SourceData:
    info = builder.info
    sizes = {name: split.num_examples for name, split in (info.splits or {}).items()}
    rows = sum(size or 0 for size in sizes.values())
    fields = {name: columns.field_of(feature, rows) for name, feature in dict(info.features or {}).items()}
    return SourceData(
        info.full_name.replace("/", ":") if info.full_name.count("/") == 1 else info.full_name, sizes, fields
    )


def _unknown(message: str, help: str) -> ConfigError:
    return ConfigError(Problem("unknown-dataset", message, KEY, help=help))
