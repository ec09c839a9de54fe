"""Optimizer, schedule, losses, metrics and callbacks of a configuration as code of plain Keras."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from dlkit.config.keras_names import snake_case
from dlkit.data.bound import Target
from dlkit.export.script.beyond import refuse_beyond_keras
from dlkit.export.script.code import Call, Code, flat, literal, statement
from dlkit.export.script.model import variable_of
from dlkit.export.script.objects import Needs, cannot_be_written, made_by
from dlkit.models.build import BuiltModel, named
from dlkit.models.members import has_members
from dlkit.schema.keras_objects import keras_class
from dlkit.schema.training import Training
from dlkit.training.best import chosen_monitor
from dlkit.training.prepare import Prepared
from dlkit.training.program import schedules
from dlkit.training.program.schedules import learning_rate

# Keras divides by the sum of the weights, as dlkit does, where it is asked to.
WEIGHTED = "mean_with_sample_weight"


@dataclass
class Parts:
    """Code for compiling and training.

    Attributes:
        definitions: classes and functions that the rest needs, each as a text.
        keywords: arguments of `compile`.
        callbacks: of `fit`.
    """

    definitions: list[str] = field(default_factory=list)
    keywords: dict[str, Code] = field(default_factory=dict)
    callbacks: list[Code] = field(default_factory=list)


def parts_of(prepared: Prepared, needs: Needs, *, weighted: bool) -> Parts:
    """What compiles and trains the model.

    Args:
        prepared: data and model.
        needs: gets what is too long for a line, and imports.
        weighted: whether training examples have weights.

    Raises:
        ConfigError: if a part of it is not Keras's.
    """
    refuse_beyond_keras(prepared)
    built, parts = prepared.built, Parts()
    targets = built.spec.targets
    parts.keywords["optimizer"] = _optimizer(prepared, parts)
    losses = {name: _loss(built, target, parts, needs, weighted=weighted) for name, target in targets.items()}
    parts.keywords["loss"] = _of_targets(losses)
    factors = {name: target.settings.loss_weight for name, target in targets.items()}
    if set(factors.values()) != {1.0}:
        parts.keywords["loss_weights"] = _of_targets({n: literal(x) for n, x in factors.items()})
    metrics = {name: _metrics(built, target, parts, needs) for name, target in targets.items()}
    if any(code.items for code in metrics.values()):
        parts.keywords["weighted_metrics" if weighted else "metrics"] = _of_targets(metrics)
    _callbacks(prepared, parts)
    return parts


def _of_targets(by_target: Mapping[str, Code]) -> Code:
    """One value, or a dictionary by target."""
    if len(by_target) == 1:
        return next(iter(by_target.values()))
    return Call("", keywords=by_target, brackets="{}")


def _optimizer(prepared: Prepared, parts: Parts) -> Code:
    """The optimizer with the arguments that differ from Keras's."""
    settings, training = prepared.config.training.optimizer, prepared.config.training
    cls = next(c for name, c in vars(keras.optimizers).items() if name.lower() == settings.name)
    usual = inspect.signature(cls.__init__).parameters
    # What several batches give together is a larger batch in the script.
    others = ("name", "learning_rate", "gradient_accumulation_steps")
    stated = {n: v for n, v in settings.model_dump().items() if n not in others}
    steps = -(-(prepared.splits.train.size or 0) // batch_size(prepared))
    rate = learning_rate(training, training.epochs, training.max_steps, steps)
    keywords = {n: literal(v) for n, v in stated.items() if n in usual and v != usual[n].default}
    return Call(f"keras.optimizers.{cls.__name__}", [], {"learning_rate": _rate(rate, parts), **keywords})


def batch_size(prepared: Prepared) -> int:
    """Examples of an update."""
    passes = prepared.config.training.optimizer.gradient_accumulation_steps or 1
    return passes * prepared.config.data.batch_size


def _rate(rate: Any, parts: Parts) -> Code:
    """A number or a schedule; dlkit's own are written out as the classes that they are."""
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return literal(rate)
    cls = type(rate)
    config = {n: v for n, v in rate.get_config().items() if n != "name"}
    usual = inspect.signature(cls.__init__).parameters
    keywords = {
        n: _rate(getattr(rate, n), parts) if n == "after" else literal(v)
        for n, v in config.items()
        if n in usual and v != usual[n].default
    }
    if getattr(keras.optimizers.schedules, cls.__name__, None) is cls:
        return Call(f"keras.optimizers.schedules.{cls.__name__}", [], keywords)
    parts.definitions.append(_source(cls).replace("keras_schedules.", "keras.optimizers.schedules."))
    if "half_cosine(" in parts.definitions[-1]:
        parts.definitions.append(_source(schedules.half_cosine))
    return Call(cls.__name__, [], keywords)


def _source(thing: Any) -> str:
    """The text of a class or function of dlkit's, without its types."""
    text = textwrap.dedent(inspect.getsource(thing)).rstrip()
    for types in (": Any", ": float", ": int", " -> Any", " -> None", " -> dict[str, Any]"):
        text = text.replace(types, "")
    return text


def _loss(built: BuiltModel, target: Target, parts: Parts, needs: Needs, *, weighted: bool) -> Code:
    """The loss of a target: Keras's own, or a class of the script that changes labels or outputs before it."""
    settings, (name, _), key = target.settings, built.choice.loss_name(target), (*target.key, "loss")
    smoothing = built.training.label_smoothing
    if name in built.plugins.get("losses", {}):
        raise cannot_be_written(f"the loss `{name}` comes from a plug-in", key, "choose one of Keras's losses")
    smoothed = smoothing and settings.smoothed(target, name, smoothing, None, logits=True) is not None
    if smoothed:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    else:
        loss = built.choice.keras_loss(target, logits=True, reduction=None, smoothing=smoothing)
    call = made_by(loss, needs, key)
    call = replace(call, keywords={n: x for n, x in call.keywords.items() if n not in ("name", "reduction")})
    shift, outputs, labels = settings.scale(target), "y_pred", "y_true"
    lines = []
    if smoothed or name in settings.of_one_hot:
        labels = f"ops.one_hot(y_true, {target.units})"
    if name in settings.of_results:
        outputs = f"{results_name(built, target)}(y_pred)"
    elif shift is not None:
        mean, deviation = (_numbers(f"{target.name}_{n}", x, needs) for n, x in zip(_SCALE, shift, strict=True))
        lines.append(f"y_true = (y_true - {mean}) / {deviation}")
    members = _has_members(built, target)
    if not lines and not members and (labels, outputs) == ("y_true", "y_pred"):
        return replace(call, keywords={**call.keywords, **({"reduction": literal(WEIGHTED)} if weighted else {})})
    if members:
        lines.append("y_true = ops.repeat(ops.expand_dims(y_true, 1), y_pred.shape[1], axis=1)")
    function = f"keras.losses.{snake_case(type(loss).__name__)}"
    value: Code = Call(function, [labels, outputs], call.keywords)
    value = Call("ops.mean", [value], {"axis": "1"}) if members else value
    body = [*(f"        {line}" for line in lines), *statement(value, before="return ", indent=8)]
    title = "".join(word.title() for word in variable_of(target.name).split("_")) + "Loss"
    about = f'    """The loss of `{target.name}`: {_why(members, shift is not None, bool(smoothing))}."""'
    head = [f"class {title}(keras.losses.Loss):", about, "", "    def call(self, y_true, y_pred):"]
    parts.definitions.append("\n".join([*head, *body]))
    return Call(title, [], {"reduction": literal(WEIGHTED)} if weighted else {})


_SCALE = ("mean", "deviation")


def _why(members: bool, scaled: bool, smoothed: bool) -> str:
    """What a loss of the script does that Keras's does not."""
    if members:
        return "the mean of the losses of its members"
    if scaled:
        return "in units of the mean and deviation of the training rows"
    return "of smoothed labels" if smoothed else "of results"


def _numbers(name: str, values: Any, needs: Needs) -> str:
    """Some numbers of float32; one alone where they are all the same."""
    plain = [float(str(x)) for x in values]
    if len(set(plain)) == 1:
        return flat(literal(plain[0]))
    return flat(needs.or_literal(name, plain))


def _has_members(built: BuiltModel, target: Target) -> bool:
    """Whether the logits of a target are those of several members."""
    return has_members(named(built.model.output, built.spec.targets)[target.name])


def results_name(built: BuiltModel, target: Target) -> str:
    """The function of the script that makes results of a target's logits."""
    return "to_results" if len(built.spec.targets) == 1 else f"{variable_of(target.name)}_results"


def results_code(built: BuiltModel, target: Target, needs: Needs) -> str:
    """That function, which the model that is saved has at its end."""
    settings, scale, code = target.settings, target.settings.scale(target), "logits"
    if settings.activation is not None:
        code = f"keras.activations.{settings.activation}(logits)"
    if scale is not None:
        mean, deviation = (_numbers(f"{target.name}_{n}", x, needs) for n, x in zip(_SCALE, scale, strict=True))
        code = f"logits * {deviation} + {mean}"
    if _has_members(built, target):
        code = f"ops.mean({code}, axis=1)"
    kind = "Numbers in their own unit" if settings.activation is None else "Probabilities"
    head = f"def {results_name(built, target)}(logits):"
    return f'{head}\n    """{kind}, as the logits of `{target.name}` give them."""\n    return {code}'


OF_RESULTS = '''
class OfResults(keras.metrics.Metric):
    """A metric of results, where the model gives logits."""

    def __init__(self, metric, to_results):
        super().__init__(name=metric.name)
        self.metric, self.to_results = metric, to_results

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.metric.update_state(y_true, self.to_results(y_pred), sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()
'''.strip()


def _metrics(built: BuiltModel, target: Target, parts: Parts, needs: Needs) -> Call:
    """The metrics of a target, in a list."""
    settings, found = target.settings, []
    same = () if _has_members(built, target) else settings.same_on_logits
    for number, metric in enumerate(built.choice.metrics(target)):
        key = built.choice.metric_key(target, number)
        code: Code = made_by(metric, needs, key)
        if results_differ(built, target) and snake_case(type(metric).__name__) not in same:
            code = Call("OfResults", [code, results_name(built, target)])
            if OF_RESULTS not in parts.definitions:
                parts.definitions.append(OF_RESULTS)
        found.append(code)
    return Call("", found, brackets="[]")


def results_differ(built: BuiltModel, target: Target) -> bool:
    """Whether the logits of a target are no results yet."""
    settings = target.settings
    return settings.activation is not None or settings.scale(target) is not None or _has_members(built, target)


def _callbacks(prepared: Prepared, parts: Parts) -> None:
    """What Keras calls between epochs: for the average of the weights, for the best epoch, and those that are named."""
    training: Training = prepared.config.training
    if training.optimizer.use_ema:
        parts.callbacks.append(Call("keras.callbacks.SwapEMAWeights", [], {"swap_on_epoch": "True"}))
    monitor, mode = chosen_monitor(training, validation=prepared.splits.validation is not None)
    if monitor is not None:
        stopping = training.early_stopping
        keywords = {"monitor": literal(monitor), "mode": literal(mode)}
        keywords["patience"] = "EPOCHS" if stopping is None else literal(stopping.patience)
        if stopping is not None and stopping.min_delta:
            keywords["min_delta"] = literal(stopping.min_delta)
        keywords["restore_best_weights"] = "True"
        parts.callbacks.append(Call("keras.callbacks.EarlyStopping", [], keywords))
    for number, given in enumerate(training.callbacks):
        cls = keras_class("callbacks", given.name)
        if cls is None:
            key = ("training", "callbacks", number)
            raise cannot_be_written(f"the callback `{given.name}` comes from a plug-in", key, "leave it out")
        keywords = {n: literal(v) for n, v in given.arguments.items()}
        parts.callbacks.append(Call(f"keras.callbacks.{cls.__name__}", [], keywords))
