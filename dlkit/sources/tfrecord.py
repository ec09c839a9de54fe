"""`kind: tfrecord`: examples in TFRecord files, whose features the configuration states.

They are read once into whole columns, in which encoded images and sounds stay as they are. Columns that would be too
large for that are a stream.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.config.yaml_lines import flow
from dlkit.lazy import lazy
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import Piece, SourceData, SourceField, SourceSettings, expanded
from dlkit.sources import _tables
from dlkit.sources._files import fingerprint
from dlkit.sources._record_columns import Parts
from dlkit.sources._record_features import AnyFeature, RecordFeature, stated
from dlkit.sources._record_files import (
    Compression,
    compression_of,
    count_records,
    damage_of,
    first_examples,
    stream_of,
    unfit,
)

if TYPE_CHECKING:
    from dlkit.schema import Config

elements, tf = lazy("dlkit.elements"), lazy("tensorflow")

ENDINGS = (".tfrecord", ".tfrecords", ".tfrec", ".tfr", ".tfrecord.gz", ".tfrecords.gz")
# Bytes of columns that are held; larger ones are a stream.
MEMORY_LIMIT = 2**31
# Records that are parsed at a time, and that are looked at to say what they hold.
BATCH, LOOKED_AT = 512, 100
_KEY: Key = ("data", "source", "features")


class TfrecordSource(SourceSettings):
    """Examples in TFRecord files: `tf.train.Example`s, whose features are stated."""

    also_called = "tfrecords, tf_record, tfrec, record, records, tfexample"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        "path": "file, files, paths, filename, filenames, file_name, filepath, file_pattern, data_path",
        "compression": "compression_type",
        "features": "feature_description, schema, feature_spec",
    }
    words_also_called: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "compression": {"gzip": "GZIP", "gz": "GZIP", "zlib": "ZLIB"}
    }

    kind: Literal["tfrecord"]
    path: _tables.Paths = Field(
        description='A file, a pattern such as `"data/*.tfrecord"`, a list of them, or one for each split: '
        '`{train: "train-*", test: "test-*"}`. Without splits, all records are those of `train`.'
    )
    features: Annotated[dict[str, AnyFeature], Field(min_length=1)] = Field(
        description="What the examples hold, by name: `{image: {encoding: image}, label: int64, words: string, "
        "vector: {dtype: float32, shape: [20]}, steps: {dtype: float32, shape: [null, 3]}}`."
    )
    compression: Compression | None = Field(None, description="How whole files are compressed; null for not at all.")

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A file with such an ending, or a folder with one for each split; the features of its first records."""
        splits = _tables.splits_in(asked.path, ENDINGS)
        file = asked.file(*ENDINGS) or splits.get("train")
        if file is None:
            return None
        by_split = {split: str(path) for split, path in splits.items()}
        settings: dict[str, Any] = {"kind": "tfrecord", "path": by_split or str(file)}
        try:
            examples = first_examples(file, file.name, None, LOOKED_AT)
        except RunError:
            if (found := compression_of(file)) is None:
                raise
            examples = first_examples(file, file.name, found, LOOKED_AT)
            settings["compression"] = found
        settings["features"] = stated(examples)
        return SourceGuess(0.9, settings, f"TFRecord files; the first {LOOKED_AT} records say what they hold")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The wanted features of all records, in memory; a stream where they take more than 2 GiB.

        Raises:
            ConfigError: a file that is not there, or features that the records do not have.
            RunError: a file that is damaged, or a record that does not fit, each named.
        """
        opened = _Files(self)
        names = [name for name in expanded(wanted, self.features) if name in self.features]
        # Where no column is one of its own, that is reported by who asked for it.
        read = {name: self.features[name] for name in names or list(self.features)[:1]}
        found = opened.columns(read)
        return opened.stream(read) if found is None else found

    def describe(self) -> SourceData | None:
        """What the settings say, held against the first records; None where values decide on shapes."""
        opened = _Files(self)
        if any(feature.ragged for feature in self.features.values()):
            return None
        return opened.data({}, {name: feature.field() for name, feature in self.features.items()})

    def rules(self, config: Config) -> Iterator[Problem]:
        """Features that contradict themselves."""
        for name, feature in self.features.items():
            if (wrong := feature.wrong()) is not None:
                setting, message, help = wrong
                code = "missing-key" if getattr(feature, setting) is None else "contradiction"
                key = (*_KEY, name) if code == "missing-key" else (*_KEY, name, setting)
                yield Problem(code, f"feature `{name}`: {message}", key, help=help)


class _Files:
    """The files of a source, of which the first records were looked at."""

    def __init__(self, settings: TfrecordSource) -> None:
        self._settings = settings
        self._by_split = _tables.files_of(settings.path, ENDINGS)
        self._called = _tables.names_of(self._by_split)
        self._compression = settings.compression
        self._held: dict[str, Any] = {}
        self._must_fit()

    def columns(self, features: Mapping[str, RecordFeature]) -> SourceData | None:
        """Whole columns; None where they are too large."""
        arrays: dict[str, Parts] = {}
        rows: dict[str, list[tuple[Path, int]]] = {}
        held = 0
        for split, files in self._by_split.items():
            parts, rows[split] = Parts(features), []
            for file in files:
                before = parts.rows
                for batch in self._batches(file, features):
                    parts.add(batch)
                    if held + parts.bytes > MEMORY_LIMIT:
                        return None
                rows[split].append((file, parts.rows - before))
            if not parts.rows:
                message = f"{self._called[files[0]]}, of split `{split}`, has no records"
                raise RunError(Problem("no-rows", message, _tables.KEY, help="choose other files"))
            held += parts.bytes
            arrays[split] = parts
        absent = set.intersection(*(set(parts.absent) for parts in arrays.values()))
        if absent:
            raise ConfigError([self._unlike(name, f"no record has a feature `{name}`") for name in sorted(absent)])
        longest = {name: max(parts.longest(name) for parts in arrays.values()) for name in features}
        return self.data(
            {split: sum(count for _, count in some) for split, some in rows.items()},
            {name: feature.field(longest[name]) for name, feature in features.items()},
            arrays=lambda split: arrays[split].arrays,
            place=_tables.places(rows, lambda file, row: f"{self._called[file]}, record {row + 1}"),
            notes=self._empty(rows),
        )

    def stream(self, features: Mapping[str, RecordFeature]) -> SourceData:
        """What is read from its start. Records of compressed files are not counted."""
        rows = {
            split: [(file, None if self._compression else count_records(file, self._called[file])) for file in files]
            for split, files in self._by_split.items()
        }
        sizes = {
            split: None if self._compression else sum(count or 0 for _, count in some) for split, some in rows.items()
        }

        def stream(pieces: Sequence[Piece], seed: int | None) -> Any:
            records = stream_of(pieces, rows, self._compression, seed)
            specs = {name: feature.spec() for name, feature in features.items()}

            def example(record: Any) -> dict[str, Any]:
                parsed = tf.io.parse_single_example(record, specs)
                return {name: feature.of_example(parsed[name]) for name, feature in features.items()}

            return records.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

        note = f"the records take more than {MEMORY_LIMIT / 2**30:g} GiB: they are read from the files in every epoch"
        fields = {name: feature.field() for name, feature in features.items()}
        return self.data(sizes, fields, stream=stream, notes=(note,))

    def data(self, sizes: Mapping[str, int | None], fields: Mapping[str, SourceField], **more: Any) -> SourceData:
        """The source with these columns."""
        others = tuple(name for name in self._settings.features if name not in fields)
        about = self._settings.model_dump(mode="json", exclude={"path"})
        identity = fingerprint(self._by_split, about)
        return SourceData(_tables.title(self._by_split), sizes, fields, others=others, fingerprint=identity, **more)

    def _batches(self, file: Path, features: Mapping[str, RecordFeature]) -> Iterator[dict[str, Any]]:
        """The values of some records at a time, by feature.

        Raises:
            RunError: naming the record that is damaged or does not fit.
        """
        specs = {name: feature.spec() for name, feature in features.items()}
        records = tf.data.TFRecordDataset(str(file), self._compression or "").batch(BATCH)
        parsed = records.map(lambda some: tf.io.parse_example(some, specs), num_parallel_calls=2).prefetch(2)
        try:
            for batch in elements.elements(parsed):
                yield {name: feature.of_batch(batch[name]) for name, feature in features.items()}
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, ValueError) as error:
            raise damage_of(file, self._called[file], self._compression, features) from error

    def _must_fit(self) -> None:
        """Hold the features against the first records of the first file that has any.

        Raises:
            ConfigError: naming each feature that they do not have so, and what they have.
        """
        for file, called in self._called.items():
            if examples := first_examples(file, called, self._compression, LOOKED_AT):
                break
        else:
            return
        self._held = stated(examples)
        features = self._settings.features.items()
        problems = [
            self._unlike(name, f"{called}: {why}")
            for name, feature in features
            if (why := unfit(name, feature, examples))
        ]
        if problems:
            raise ConfigError(problems)

    def _unlike(self, name: str, message: str) -> Problem:
        """The problem of a feature that the records do not have so, with what the first of them have."""
        near = did_you_mean(name, self._held, "it has") if name not in self._held else ""
        help = f"{near}; the records hold: " if near else "the records hold: "
        return Problem("record-features", message, (*_KEY, name), help=f"{help}features: {flow(self._held)}")

    def _empty(self, rows: Mapping[str, Sequence[tuple[Path, int]]]) -> tuple[str, ...]:
        empty = [self._called[file] for some in rows.values() for file, count in some if not count]
        return (f"{len(empty):,} files have no records, such as {empty[0]}",) if empty else ()
