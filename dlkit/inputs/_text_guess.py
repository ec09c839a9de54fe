"""What `dlkit init` makes of a column of texts."""

from __future__ import annotations

from typing import Any

from dlkit.inputs._characters import is_cjk
from dlkit.schema.guess import Guess, Option, Recipe, Sample, batch_for

# Texts for each word of one, below which they are few; and those that are looked at.
FEW_TEXTS, LOOKED_AT = 1_500, 2_000


def guess_text(column: Sample, *, stated: bool) -> Guess | None:
    """Texts of several words, or of Chinese or Japanese letters, that hardly repeat.

    Below 1,500 texts for each word of one, n-grams and a small network do as well as networks over sequences
    (developers.google.com/machine-learning/guides/text-classification, step 2.5).

    Args:
        column: of the source.
        stated: whether the source says that it holds texts.
    """
    if not column.is_text or column.values.ndim != 1 or not column.present.size:
        return None
    sample = "".join(column.present[:LOOKED_AT].tolist())
    letters = [character for character in sample if character.isalpha()]
    by_character = sum(is_cjk(ord(letter)) for letter in letters) > len(letters) / 5
    length = len(sample) / len(column.present[:LOOKED_AT])
    is_text = len(column.distinct) > len(column.present) / 5 and (column.words >= 3 or (by_character and length > 5))
    if not is_text and not stated:
        return None
    words = max(1.0, length if by_character else column.words)
    ratio = column.rows / words
    unit = "characters" if by_character else "words"
    what = f"texts of {words:.0f} {unit} in the middle"
    said = f"{column.rows:,} texts / {words:.0f} {unit} = {ratio:,.0f}"
    settings: dict[str, Any] = {"kind": "text"}
    if ratio < FEW_TEXTS:
        settings |= {"ngrams": 3 if by_character else 2, "min_count": 1 if column.rows < 20_000 else 2}
        reason = f"{what}; {said}, below {FEW_TEXTS:,}: neighbouring words together say more than their order"
        model: dict[str, Any] = {"builder": "mlp", "dense": [16], "dropout": 0.5}
        why = "The mean of the embeddings, a small layer and much dropout: so few texts are soon learned by heart."
    else:
        reason = f"{what}; {said}, above {FEW_TEXTS:,}: enough to learn from the order of words"
        model = {"builder": "rnn", "cell": "gru", "units": [32], "bidirectional": True, "dropout": 0.3}
        why = "A recurrent network, which reads texts in order; `builder: mlp` is faster."
    training = {"optimizer": {"name": "adam", "learning_rate": 0.001}}
    recipe = Recipe(2.0, model, why, training, 15 if ratio < FEW_TEXTS else 6, 3, batch_for(column.rows))
    option = Option("max_tokens", 50_000, "more of the rare words; 20,000 are the default")
    return Guess(0.8, settings, reason, recipe=recipe, options=(option,))
