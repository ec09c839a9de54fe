"""A configuration as one script of plain Keras, which builds, trains and tests the same network without dlkit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from dlkit import __version__
from dlkit.config.phrases import listed
from dlkit.data.contract import Splits
from dlkit.export.script import data
from dlkit.export.script.code import Call, Code, flat, literal, statement
from dlkit.export.script.model import Model
from dlkit.export.script.objects import Needs
from dlkit.export.script.source import Plain, plain_columns
from dlkit.export.script.training import Parts, batch_size, parts_of, results_code, results_differ, results_name
from dlkit.keras_internals import flattened
from dlkit.models.build import precision
from dlkit.training.best import chosen_monitor
from dlkit.training.prepare import Prepared


@dataclass(frozen=True)
class Script:
    """A script and what stands beside it.

    Attributes:
        text: of it.
        text_with_weights: the same, which reads the weights that the run begins with from a file beside it.
        as_prepared: the inputs that it takes as the host stage leaves them.
        needs: arrays for the `.npz` file of its name.
        left_out: what it does not do as dlkit does, in sentences.
    """

    text: str
    text_with_weights: str
    as_prepared: frozenset[str]
    needs: Needs
    left_out: tuple[str, ...]


def write(prepared: Prepared, raw: Splits) -> Script:
    """The script of a configuration.

    Args:
        prepared: data and model.
        raw: the data as the source gives them.

    Raises:
        ConfigError: if something cannot be written as plain Keras.
        RunError: if the examples are too many.
    """
    needs = Needs()
    with precision(prepared.config.runtime.precision):
        body = Model(prepared, needs)
        function = list(body.function())
        weighted = data.examples(prepared, raw, body.as_prepared, needs)
        parts = parts_of(prepared, needs, weighted=weighted)
    source = plain_columns(prepared, raw, needs)
    left_out = tuple(_left_out(prepared, body, needs))
    results = [results_code(prepared.built, t, needs) for t in _to_results(prepared)]
    texts = [*function, *parts.definitions, *results]

    def text(ending: list[str]) -> str:
        sections = [
            [*_imports(texts, parts, needs, source), "", *_constants(prepared, needs)],
            _examples(prepared, raw, source, weighted=weighted),
            [*function, *ending],
            *([text] for text in (*results, *parts.definitions)),
            _compiling(parts),
            _batches(prepared),
            _main(prepared, parts, raw),
            ['if __name__ == "__main__":', "    main()"],
        ]
        return _docstring(prepared, left_out) + "\n\n" + "\n\n\n".join("\n".join(lines) for lines in sections) + "\n"

    both = [text(body.ending(load_weights=load)) for load in (False, True)]
    return Script(both[0], both[1], frozenset(body.as_prepared), needs, left_out)


def _to_results(prepared: Prepared) -> list[Any]:
    """The targets whose logits are no results yet."""
    built = prepared.built
    return [target for target in built.spec.targets.values() if results_differ(built, target)]


def _docstring(prepared: Prepared, left_out: Sequence[str]) -> str:
    file = prepared.loaded.path.name if prepared.loaded.path is not None else "a configuration"
    lines = [
        f'"""{prepared.config.name}: builds, trains and tests the network of {file} with Keras alone.',
        "",
        f"Written by `dlkit export --format python` (dlkit {__version__}, Keras {keras.__version__}).",
    ]
    if left_out:
        lines += ["", "What differs from `dlkit train`:", *(f"- {line}" for line in left_out)]
    return "\n".join([*lines, '"""'])


def _imports(texts: Sequence[str], parts: Parts, needs: Needs, source: Plain) -> list[str]:
    """The imports of what is used."""
    text = "\n".join([*texts, *(flat(code) for code in parts.keywords.values())])
    used = [name for name in ("layers", "ops") if re.search(rf"\b{name}\.", text)]
    return [
        *(["import math"] if "math." in text else []),
        "from pathlib import Path",
        "",
        "import keras",
        "import numpy as np",
        "import tensorflow as tf",
        *source.imports,
        *([f"from keras import {', '.join(used)}"] if used else []),
        *(["", *sorted(needs.imports)] if needs.imports else []),
    ]


def _constants(prepared: Prepared, needs: Needs) -> list[str]:
    config = prepared.config
    lines = [
        f"SEED = {config.seed}",
        f"EPOCHS = {config.training.epochs}",
        f"BATCH_SIZE = {batch_size(prepared)}",
    ]
    if needs.arrays:
        lines += [
            "# Examples, and numbers that were fitted on them, as dlkit wrote them beside this file.",
            'ARRAYS = np.load(Path(__file__).with_suffix(".npz"))',
        ]
    if config.runtime.precision != "float32":
        lines.append(f"keras.config.set_dtype_policy({flat(literal(config.runtime.precision))})")
    return lines


def _examples(prepared: Prepared, raw: Splits, source: Plain, *, weighted: bool) -> list[str]:
    """The functions that read a split."""
    spec = prepared.built.spec

    def read(names: Sequence[str]) -> Code:
        codes = [source.columns.get(name, f'ARRAYS[f"{name}_{{split}}"]') for name in names]
        if len(names) == 1:
            return codes[0]
        keys = [name.removesuffix("_weights") if name not in spec.inputs else name for name in names]
        return Call("", keywords=dict(zip(keys, codes, strict=True)), brackets="{}")

    groups = {"inputs": list(spec.inputs), "labels": list(spec.targets)}
    if weighted:
        groups["weights"] = [data.weights_name(target) for target in spec.targets]
    splits = ", ".join(f"`{name}`" for name in raw.by_name)
    lines = ["def examples(split):", f'    """{listed(list(groups)).capitalize()} of a split: {splits}."""']
    if source.rows:
        rows = {name: Call("", [literal(of), x]) for name, (of, x) in source.rows.items()}
        own = ["def column(name, split):", '    """A column of a split of the source."""', *source.function]
        lines = [
            "# The split of the source that each split is of, and the rows of it.",
            *statement(Call("", keywords=rows, brackets="{}"), before="ROWS = ", indent=0),
            "",
            "",
            *own,
            "",
            "",
            *lines,
            "    source, rows = ROWS[split]",
        ]
    for name, group in groups.items():
        lines += statement(read(group), before=f"{name} = ")
    return [*lines, f"    return {', '.join(groups)}"]


def _compiling(parts: Parts) -> list[str]:
    lines = ["def compile_model(model):", '    """Give the model its optimizer, loss and metrics."""']
    others = {name: code for name, code in parts.keywords.items() if name != "optimizer"}
    lines += statement(parts.keywords["optimizer"], before="optimizer = ")
    return [*lines, *statement(Call("model.compile", ["optimizer"], others))]


def _batches(prepared: Prepared) -> list[str]:
    """The functions that give batches."""
    if prepared.config.data.shuffle:
        order = "np.random.Generator(np.random.Philox(key=[SEED, epoch])).permutation(size)"
        about = "in an order that follows from SEED and the epoch"
    else:
        order, about = "np.arange(size)", "in their order"
    return f'''
def training_batches(data):
    """Batches of the training examples of all epochs, {about}."""
    data = tf.nest.map_structure(tf.constant, data)
    size = len(tf.nest.flatten(data)[0])

    def row_numbers():
        for epoch in range(EPOCHS):
            order = {order}
            for start in range(0, size, BATCH_SIZE):
                yield order[start : start + BATCH_SIZE]

    rows = tf.data.Dataset.from_generator(row_numbers, output_signature=tf.TensorSpec([None], tf.int64))
    return rows.map(lambda batch: tf.nest.map_structure(lambda x: tf.gather(x, batch), data)).prefetch(2)


def batches(data):
    """Batches of examples for validation and test."""
    return tf.data.Dataset.from_tensor_slices(data).batch(1024)
'''.strip().split("\n")


_BEST = "With so much patience nothing stops early: the callback keeps the weights of the best epoch."


def _main(prepared: Prepared, parts: Parts, raw: Splits) -> list[str]:
    training, built = prepared.config.training, prepared.built
    monitor, _ = chosen_monitor(training, validation=raw.validation is not None)
    keywords: dict[str, Code] = {"epochs": "EPOCHS", "steps_per_epoch": "steps", "shuffle": "False"}
    if raw.validation is not None:
        keywords["validation_data"] = 'batches(examples("validation"))'
        if training.validate_every > 1:
            keywords["validation_freq"] = str(training.validate_every)
    if parts.callbacks:
        keywords["callbacks"] = Call("", parts.callbacks, brackets="[]")
    lines = [
        "def main():",
        '    """Train the network, test it and save it."""',
        "    keras.utils.set_random_seed(SEED)",
        '    train = examples("train")',
        "    steps = -(-len(tf.nest.flatten(train)[0]) // BATCH_SIZE)",
        "    model = build_model()",
        "    compile_model(model)",
        *([] if monitor is None or training.early_stopping else [f"    # {_BEST}"]),
        *statement(Call("model.fit", ["training_batches(train)"], keywords)),
    ]
    if raw.test is not None:
        lines.append('    print(model.evaluate(batches(examples("test")), return_dict=True))')
    lines += _saving(built)
    return lines


def _saving(built: Any) -> list[str]:
    """The lines that save a model which ends in results."""
    path = 'Path(__file__).with_suffix(".keras")'
    targets = built.spec.targets

    def result(target: Any, logits: str) -> str:
        return f"{results_name(built, target)}({logits})" if results_differ(built, target) else logits

    if not any(results_differ(built, target) for target in targets.values()):
        return [f"    model.save({path})"]
    if len(targets) == 1:
        code: Code = result(next(iter(targets.values())), "model.output")
    else:
        found = {n: result(t, f"model.output[{flat(literal(n))}]") for n, t in targets.items()}
        code = Call("", keywords=found, brackets="{}")
    return [*statement(code, before="results = "), f"    keras.Model(model.input, results).save({path})"]


def _left_out(prepared: Prepared, body: Model, needs: Needs) -> Iterator[str]:
    """What a script does not do as dlkit does."""
    config, network = prepared.config, prepared.built.network
    training = config.training
    parts = [value for part in flattened(network) for value in vars(part).values()]
    random = any(isinstance(value, keras.random.SeedGenerator) for value in parts)
    if random or any(prepared.built.preprocessing.augment.values()):
        yield "What is random in training, dropout or augmentation, draws other numbers."
    for name in body.as_prepared:
        yield f"`{name}` is read as dlkit prepared it, and a saved model takes it so."
    for line in needs.imports:
        yield f"`{line}` is your own: keep the module where Python finds it, as beside this file."
    for setting, value in (("max_steps", training.max_steps), ("max_time", training.max_time)):
        if value is not None:
            yield f"`training.{setting}` does not end it."
    if training.on_nonfinite.action == "rollback":
        yield "A loss that is no finite number stops nothing."
