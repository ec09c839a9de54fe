"""`kind: text`: texts of words, each an id for every word; the layers that make them are in the saved model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.inputs import _terms
from dlkit.inputs._decode_text import decode_text
from dlkit.inputs._text_guess import guess_text
from dlkit.inputs._tokens import FIRST, Rules, Tokenizer
from dlkit.inputs._vectors import vectors_of
from dlkit.lazy import lazy
from dlkit.mapped import parts
from dlkit.schema import looking
from dlkit.schema.base import FilePath, Positive
from dlkit.schema.features import Encoding, Feature
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.input import InputSettings
from dlkit.schema.keras_objects import AnyRandomTextStep
from dlkit.schema.source import SourceField

if TYPE_CHECKING:
    from dlkit.data.bound import Input
    from dlkit.data.values import RowPlace
    from dlkit.schema import Config

np, tf = lazy("numpy"), lazy("tensorflow")

# With fewer words on average, a text is a word or was not taken apart.
FEW_WORDS = 2
_SURROGATE = re.compile("[\ud800-\udfff]")


class TextInput(InputSettings):
    """Texts. Words, and neighbouring ones if asked for, become ids, each with an embedding; shorter texts are padded.

    Punctuation and tags such as `<br />` part words; apostrophes are left out.
    """

    also_called = "sentence, document, words, nlp"
    axes = ("tokens",)
    in_tables = "texts"
    fitted = True
    state_type = _terms.Terms
    from_data, instead_of_data = "words", ""
    example_file, suffixes = "text.txt", (".txt",)
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **InputSettings.fields_also_called,
        "length": "max_length, sequence_length, output_sequence_length, maxlen",
        "max_tokens": "vocabulary_size, vocab_size, max_features, num_words",
        "lowercase": "lower, standardize",
        "ngrams": "ngram_range",
        "embedding": "embedding_dim, embedding_size, output_dim",
        "vectors": "glove, word2vec, fasttext, pretrained, embeddings_file, weights",
    }

    kind: Literal["text"]
    split: Literal["auto", "word", "character"] = Field(
        "auto",
        description="What a token is; `auto` takes every character where more than a fifth of the letters in the "
        "training rows are Chinese or Japanese.",
    )
    ngrams: Annotated[int, Field(ge=1, le=3)] = Field(
        1, description="Up to this many neighbouring tokens also count as one, as in `not good`."
    )
    max_tokens: Positive = Field(20_000, description="Keep this many of the most frequent tokens and n-grams.")
    min_count: Positive = Field(2, description="Those that occur less often in the training rows count as unknown.")
    length: Positive | None = Field(
        None,
        description="Tokens of each text: longer ones are cut, shorter padded; null for the longest of training, or "
        "what suffices for 95 % of them where it is longer than 128.",
    )
    lowercase: bool = Field(True, description="Capitals count as small letters.")
    embedding: Positive | None = Field(
        None, description="Numbers that stand for a token in the network; by default 64, or those of `vectors`."
    )
    vectors: FilePath | None = Field(
        None,
        description="A text file with a word and its numbers in each line, as of GloVe, fastText and word2vec, which "
        "the embedding begins with.",
    )
    empty: Literal["keep", "refuse"] = Field("keep", description="What to do with texts without any word.")
    preprocess: list[Any] = Field(default_factory=list, max_length=0, description="No step works on texts.")
    augment: list[AnyRandomTextStep] = Field(
        default_factory=list, description="Random steps, applied to the tokens of training batches alone."
    )

    def random_layers(self) -> list[Any]:
        """Those of `augment`."""
        return list(self.augment)

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Texts of several words that hardly repeat."""
        return guess_text(column, stated=column.field.hint == "text")

    def feature(self, name: str, column: SourceField) -> Feature:
        """One text."""
        key = self.key_of(name)
        if column.shape not in ((), (1,)):
            message = f"`{name}` must have one text for each example"
            raise ConfigError(Problem("shape-unknown", message, key, help="name one column of text with `column:`"))
        if column.dtype not in ("string", "object"):
            message, help = f"the column of `{name}` holds {column.dtype}, not text", "use `kind: number` or `category`"
            raise ConfigError(Problem("field-type", message, key, help=help))
        return Feature(name, self.kind, (), "string")

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Texts, shape (examples,)."""
        rows = values.reshape(len(values), -1)
        if rows.dtype.kind not in "OSTU":
            raise place.run_error("mixed-types", f"it holds {rows.dtype}, not text", "give all splits text")
        if rows.shape[1:] != (1,):
            place.same_shape(values, ())
        texts = place.as_text(rows[:, 0])
        try:
            for block in parts(texts):
                "".join(texts[block].tolist()).encode()
        except UnicodeEncodeError:
            number = next(n for n, text in enumerate(texts.tolist()) if _SURROGATE.search(text))
            message = f"{place.row(number)} holds half a character (a surrogate), which no text can hold"
            raise place.run_error("field-type", message, "read it again with the right encoding") from None
        return texts

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """Groups of words are for networks that count them; vectors have a width of their own."""
        yield from super().rules(name, config)
        if self.vectors and self.embedding:
            message = "the vectors of `vectors` have a width of their own"
            yield Problem("contradiction", message, (*self.key_of(name), "embedding"), label="leave it out")
        builder = config.model
        if self.ngrams > 1 and builder.reads_in_order(name, config):
            message = f"the {builder.builder} builder reads the words of `{name}` in their order, and `ngrams` puts "
            message += "groups of words behind them"
            key = (*self.key_of(name), "ngrams")
            yield Problem("contradiction", message, key, label="leave it out", help="or take `builder: bag`")

    def as_columns(self, values: Any, bound: Input) -> dict[str, Any]:
        """The texts as they are, for models of tables."""
        return {bound.name: values}

    def example(self, value: Any, feature: Feature) -> Any:
        """One text of a stream."""
        return tf.reshape(value, ())

    def from_file(self, path: Path, feature: Feature) -> Any:
        """The text of a file.

        Raises:
            RunError: if it is not UTF-8, nor UTF-16.
        """
        try:
            return np.array(decode_text(path.read_bytes()))
        except (ValueError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            help = "save it as UTF-8"
            raise RunError(
                Problem("unusable-input", f"it is not text that can be read ({reason})", help=help)
            ) from error

    def fit(self, values: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """The most frequent terms, and how many tokens of a text are kept."""
        texts = self.values(values, feature, place)
        rules, cjk = _terms.rules_for(texts, lowercase=self.lowercase, split=self.split)
        words = _terms.words_by(rules)
        lengths = _terms.lengths(texts, words)
        length = self.length or _terms.enough(lengths)
        terms, counts, different = _terms.most_frequent(
            texts, words, length=length, ngrams=self.ngrams, least=self.min_count, most=self.max_tokens
        )
        if not terms:
            message = f"no token occurs {self.min_count:,} times"
            raise place.run_error("rare-values", message, "lower `min_count`", below="min_count")
        state = {
            "vocabulary": terms,
            "counts": counts,
            "length": length,
            "characters": 2 * _terms.needed_characters(texts, words, length),
            "letters": rules.letters,
            "by_character": rules.by_character,
            "html": rules.html,
        }
        what = "characters" if rules.by_character else "words"
        kept = f"{len(terms):,} of {different:,} different {what}{' and n-grams' if self.ngrams > 1 else ''} are known"
        notes = [f"input `{feature.name}`: {kept}, {length:,} {what} of each text"]
        if rules.by_character and self.split == "auto":
            why = f"{cjk:.0%} of the letters are Chinese or Japanese: every character is a token"
            notes.append(f"input `{feature.name}`: {why} (`split: auto`)")
        if not rules.by_character and lengths.mean() < FEW_WORDS:
            help = "texts without spaces between words need `split: character`, and single words `kind: category`"
            notes.append(f"input `{feature.name}`: texts have {lengths.mean():.1f} words on average: {help}")
        if self.vectors:
            table = vectors_of(self.vectors, terms, (*self.key_of(feature.name), "vectors"))
            state["width"] = table.shape[1]
            with_one = int((~np.isnan(table[:, 0])).sum())
            kept = f"{with_one:,} of {len(terms):,} have a vector in {self.vectors}; the others begin at random"
            notes.append(f"input `{feature.name}`: {kept}")
        return feature, state, notes

    def check_state(self, state: State, feature: Feature) -> None:
        """Different terms, with a count each."""
        super().check_state(state, feature)
        vocabulary = state["vocabulary"]
        if len(set(vocabulary)) < len(vocabulary) or len(vocabulary) != len(state["counts"]):
            raise ValueError("its `vocabulary` is not of different terms with a count each")

    def notes(self, values: Any, bound: Input, place: RowPlace) -> list[str]:
        """How many texts of a split are cut, and how many are empty.

        Raises:
            RunError: if some are empty and `empty: refuse` is stated.
        """
        texts = self.values(values, bound.feature, place)
        length, what = bound.state["length"], "characters" if bound.state["by_character"] else "words"
        lengths = _terms.lengths(texts, self._words(bound.state))
        notes = []
        if cut := int((lengths > length).sum()):
            share = f"{cut:,} of {len(texts):,} texts of `{bound.name}` ({cut / len(texts):.1%})"
            notes.append(f"{place.split}: {share} are longer than {length:,} {what}: their ends are cut off")
        if (empty := np.flatnonzero(lengths == 0)).size:
            which = f"{empty.size:,} of {len(texts):,} texts of `{bound.name}` have no word"
            first = place.row(empty[0])
            if self.empty == "refuse":
                help = "remove those rows, or write `empty: keep`"
                raise place.run_error("empty-text", f"{which}; the first is {first}", help, below="empty")
            notes.append(f"{place.split}: {which}, such as {first}: the network sees padding alone")
        return notes

    def notes_of_stream(self, bound: Input) -> list[str]:
        """That cut texts are not counted."""
        return [f"input `{bound.name}`: texts that are cut or empty are not counted, since the data are a stream"]

    def summary(self, values: Any, bound: Input) -> looking.Summary:
        """How long they are, how many have no word, their most frequent terms."""
        values = np.array([t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in values.tolist()], str)
        rules, _ = _terms.rules_for(values, lowercase=self.lowercase, split=self.split)
        by = _terms.words_by(rules)
        lengths = _terms.lengths(values, by)
        found = looking.of_lengths(lengths, "characters" if rules.by_character else "words")
        found.append(("empty", int((lengths == 0).sum())))
        terms, counts, different = _terms.most_frequent(
            values, by, length=max(1, int(lengths.max(initial=1))), ngrams=1, least=1, most=looking.MOST_NAMES
        )
        return [*found, ("different", different), ("most frequent", dict(zip(terms[:20], counts[:20], strict=True)))]

    def cells(self, raw: Any, prepared: Any, bound: Input) -> list[looking.Cell]:
        """The text, and its tokens as the network knows them: `?` for unknown ones, padding left out."""
        known = {0: "", 1: "?", **dict(enumerate(bound.state["vocabulary"], FIRST))}
        tokens = [known[int(number)] for number in prepared.tolist() if number]
        return [(bound.name, looking.in_words(raw), " ".join(f"[{t}]" if " " in t else t for t in tokens) or "padding")]

    def host_layers(self, bound: Input) -> list[Any]:
        """From texts to ids.

        Raises:
            ConfigError: if the vocabulary is not known, since no training rows were read.
        """
        state = bound.state
        if "vocabulary" not in state:
            message = f"the words of `{bound.name}` can only be known by reading the data"
            raise ConfigError(Problem("spec-unknown", message, bound.key, help="check without --no-data"))
        length, limit = state["length"], state["characters"]
        return [Tokenizer(bound.name, self._words(state), state["vocabulary"], length, self.ngrams, limit)]

    def encoding(self, bound: Input) -> Encoding:
        """Ids, and what is padding."""
        state = bound.state
        size = len(state["vocabulary"]) + FIRST
        shape = (state["length"] * self.ngrams,)
        width, vectors = self.embedding or 64, None
        if self.vectors:
            width, key = state["width"], (*bound.key, "vectors")
            vectors = partial(vectors_of, self.vectors, state["vocabulary"], key)
        return Encoding(shape, "int32", self.axes, (size,), masked=True, embedding=width, vectors=vectors)

    def _words(self, state: State) -> Any:
        return _terms.words_by(Rules(state["letters"], self.lowercase, state["by_character"], state["html"]))
