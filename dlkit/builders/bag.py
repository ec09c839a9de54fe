"""`builder: bag`: a text as the sum of its words, in any order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders import _masked
from dlkit.builders._dense import DenseStack, drop
from dlkit.builders._inputs import joined
from dlkit.encoded import Encoded, as_sequence, embedding_of, masked_mean
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.base import Fraction

if TYPE_CHECKING:
    from dlkit.schema import Config

np, ops = lazy("numpy"), lazy("keras.ops")
WEIGHTS = ("model", "weights")


class Bag(DenseStack):
    """A text as its words and groups of words (`ngrams` of the input), whatever their order; other inputs join behind.

    As quick as a linear model, and as good as any on short texts without vectors from elsewhere.
    """

    also_called = "bag_of_words, bow, fasttext, tf_idf, tfidf, ngrams, n_gram, text"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "weights": "weighting, mode, output_mode, pooling, combiner",
    }
    cost = "dense"
    reads = (("tokens",),)
    reads_in_words = "a text"
    usual_input = "text"

    builder: Literal["bag"]
    weights: Literal["mean", "sum", "tf_idf"] = Field(
        "mean",
        description="How the embeddings of the words are added up: all alike, divided by their number or not; or the "
        "more, the rarer a word is in the training texts.",
    )
    dropout: Fraction = Field(0.5, description="Share dropped after the sum and after each dense layer in training.")

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """The sum of the embeddings of each text, then dense layers.

        Args:
            inputs: texts, whose tokens are embedded; and others, which join as vectors.

        Returns:
            Features, float, shape (batch, features).
        """
        texts, others = self.divided(inputs)
        bags = [drop(self._bag(given), self.dropout, f"{given.name}_bag", MODEL) for _, given in texts]
        return self.dense_stack(joined(bags, others))

    def reads_in_order(self, name: str, config: Config) -> bool:
        """No order is read."""
        return False

    def _bag(self, given: Encoded) -> Any:
        """The words of a text in one vector, 0 where there are none: float, shape (batch, numbers)."""
        x = as_sequence(given)
        if self.weights == "mean":
            return masked_mean(x, given.mask)
        if self.weights == "sum":
            return ops.sum(_masked.filled(x, given.mask), axis=1)
        idf = embedding_of(_rarity(given), f"{given.name}_idf", trainable=False)
        weights = _masked.filled(origin(idf, WEIGHTS)(given.tensor), given.mask)
        norm = ops.sqrt(ops.maximum(ops.sum(ops.square(weights), axis=1), 1.0))
        return ops.sum(x * weights, axis=1) / norm


def _rarity(given: Encoded) -> Any:
    """The weight of each id: 1 for the most frequent term, and 1 more for what is 2.7 times as rare.

    That is the smoothed inverse document frequency of scikit-learn's TfidfTransformer, with the occurrences of a term
    in place of its documents, and those of the most frequent one in place of all documents.

    Returns:
        Float32, shape (ids, 1).
    """
    counts = np.array(given.state["counts"], np.float64)
    # Padding and unknown words: these count as if they had been seen once.
    every = np.concatenate([np.ones(given.encoding.vocabulary[0] - len(counts)), counts])
    return (1 + np.log((1 + every.max()) / (1 + every)))[:, None].astype(np.float32)
