"""The models that networks are compared with, made by scikit-learn with its own defaults as far as they will do."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlkit.baselines.material import Material
from dlkit.config.causes import first_line
from dlkit.config.phrases import count
from dlkit.data.bound import Target
from dlkit.data.table import Table
from dlkit.lazy import lazy

compose, ensemble, linear = lazy("sklearn.compose"), lazy("sklearn.ensemble"), lazy("sklearn.linear_model")
multioutput, pipeline = lazy("sklearn.multioutput"), lazy("sklearn.pipeline")
preprocessing, impute = lazy("sklearn.preprocessing"), lazy("sklearn.impute")
text, threads = lazy("sklearn.feature_extraction.text"), lazy("threadpoolctl")

# Codes that boosted trees of scikit-learn take as such; rarer values count as unknown.
_CODES = 255
_SEED = 0
# Columns times outputs up to which boosted trees take seconds.
MOST_BOOSTED = 700


@dataclass(frozen=True)
class Fitted:
    """What a baseline says of the rows that are judged.

    Attributes:
        name: what the baseline is called.
        rows: number of training rows that it has seen; 0 where it needs none.
        results: as the target's `results` gives them, float32, shape (rows, ...); None where it could not be fitted.
        why_not: why it could not.
    """

    name: str
    rows: int
    results: np.ndarray | None
    why_not: str = ""


def constant(target: Target, material: Material) -> Fitted:
    """Always the same: the likeliest class, the mean."""
    labels = material.labels[target.name]
    logits = np.asarray(target.settings.constant(target, labels))[None]
    result = np.asarray(target.settings.results(target, logits), np.float32)
    repeated = np.repeat(result, material.judged.size, axis=0)
    return Fitted(target.settings.constant_words, len(labels), repeated)


def models(target: Target, material: Material) -> Iterator[Fitted]:
    """The baselines of a target, one after the other, each fitted when it is asked for."""
    yield constant(target, material)
    for name, results in material.judged.unfitted.get(target.name, {}).items():
        yield Fitted(name, 0, results)
    fitted, judged = material.fitted, material.judged
    answers = Answers.of(target, fitted.labels[target.name])
    if answers is None:
        return
    weights = fitted.weights.get(target.name)
    if fitted.table is not None and judged.table is not None:
        given, asked = fitted.table.values, judged.table.values
        yield _fitted(answers.linear_name, _linear(answers, fitted.table), answers, given, asked, weights)
        if len(fitted.table.names) * target.units <= MOST_BOOSTED:
            yield _fitted("boosted trees", _boosted(answers, fitted.table), answers, given, asked, weights)
        else:
            outputs = count(target.units, "output")
            why = f"{len(fitted.table.names):,} columns and {outputs} would take minutes"
            yield Fitted("boosted trees", 0, None, why)
    if fitted.texts is not None and judged.texts is not None:
        name = f"tf-idf and {answers.linear_name}"
        yield _fitted(name, _of_texts(answers), answers, fitted.texts, judged.texts, weights)


@dataclass(frozen=True)
class Answers:
    """What a model of scikit-learn is asked to predict.

    Attributes:
        target: what is predicted.
        values: int64 classes, shape (rows,); or float64 numbers, shape (rows,) of one number, else (rows, numbers).
        classes: whether they are classes.
    """

    target: Target
    values: np.ndarray
    classes: bool

    @classmethod
    def of(cls, target: Target, labels: Any) -> Answers | None:
        """The labels of a batch likewise; None where such models have no answer to give."""
        found = target.settings.class_numbers(target, labels)
        if found is not None:
            return cls(target, found, True)
        found = target.settings.numbers(target, labels)
        return None if found is None else cls(target, found[:, 0] if found.shape[1] == 1 else found, False)

    @property
    def linear_name(self) -> str:
        """What the linear model is called."""
        return "logistic regression" if self.classes else "ridge regression"

    def linear(self) -> Any:
        """The linear model."""
        return linear.LogisticRegression(max_iter=1000) if self.classes else linear.Ridge()

    def results(self, model: Any, given: Any) -> np.ndarray:
        """What a fitted model says, as results."""
        if not self.classes:
            predicted = np.asarray(model.predict(given), np.float32).reshape(len(given), -1)
            return np.asarray(self.target.settings.from_numbers(self.target, predicted))
        number = max(2, len(self.target.classes))
        probabilities = np.zeros((len(given), number), np.float32)
        probabilities[:, model.classes_] = model.predict_proba(given)
        return np.asarray(self.target.settings.from_probabilities(self.target, probabilities))


def _fitted(name: str, model: Any, answers: Answers, given: Any, judged: Any, weights: Any) -> Fitted:
    """A model fitted and asked, in one thread: several would wait for each other on small data."""
    more = {} if weights is None else {f"{model.steps[-1][0]}__sample_weight": weights}
    with warnings.catch_warnings(), threads.threadpool_limits(1):
        warnings.simplefilter("ignore")  # a baseline that has not quite converged is one still
        try:
            model.fit(given, answers.values, **more)
            return Fitted(name, len(given), answers.results(model, judged))
        except (ValueError, ArithmeticError, np.linalg.LinAlgError, MemoryError) as error:
            return Fitted(name, len(given), None, first_line(error))


def _linear(answers: Answers, table: Table) -> Any:
    """Numbers filled in with their median and standardized, codes one-hot."""
    numbers = pipeline.make_pipeline(
        impute.SimpleImputer(strategy="median", keep_empty_features=True), preprocessing.StandardScaler()
    )
    columns = compose.ColumnTransformer(
        [
            ("numbers", numbers, np.flatnonzero(~table.codes)),
            ("codes", preprocessing.OneHotEncoder(handle_unknown="ignore"), np.flatnonzero(table.codes)),
        ]
    )
    return pipeline.make_pipeline(columns, answers.linear())


def _boosted(answers: Answers, table: Table) -> Any:
    """Boosted trees, which take missing values and codes as they are."""
    codes = np.flatnonzero(table.codes)
    make: Callable[..., Any] = (
        ensemble.HistGradientBoostingClassifier if answers.classes else ensemble.HistGradientBoostingRegressor
    )
    model = make(categorical_features=codes if codes.size else None, random_state=_SEED)
    if answers.values.ndim > 1:
        model = multioutput.MultiOutputRegressor(model)
    common = preprocessing.FunctionTransformer(_common, kw_args={"codes": table.codes})
    return pipeline.make_pipeline(common, model)


def _common(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return np.where(codes & (values >= _CODES), 0, values)


def _of_texts(answers: Answers) -> Any:
    """Words and pairs of neighbouring words, weighted by how rare they are."""
    return pipeline.make_pipeline(text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), answers.linear())
