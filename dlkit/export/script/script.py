"""A configuration as one script of plain Keras, which builds, trains and tests the same network without dlkit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import yaml

from dlkit import __version__
from dlkit.config.phrases import listed
from dlkit.config.problems import Key
from dlkit.config.tree import dotted, find, plain
from dlkit.data.contract import Splits
from dlkit.data.preprocessing import apply_layers
from dlkit.export.script import data
from dlkit.export.script.code import WIDTH, Call, Code, flat, literal, statement
from dlkit.export.script.graph import Names, Statement, count_operations, statements
from dlkit.export.script.objects import Arrays, cannot_be_written, made_by
from dlkit.export.script.training import Parts, batch_size, parts_of, results_code, results_differ, results_name
from dlkit.models.build import precision
from dlkit.training.prepare import Prepared

# Preprocessing with more operations is done before, and its results are written beside the script.
MOST_OPERATIONS = 12


@dataclass(frozen=True)
class Script:
    """A script and what stands beside it.

    Attributes:
        text: of it.
        text_with_weights: the same, which reads the weights that the run begins with from a file beside it.
        as_prepared: the inputs that it takes as the host stage leaves them.
        arrays: by name, for the `.npz` file of its name.
        left_out: what it does not do as dlkit does, in sentences.
    """

    text: str
    text_with_weights: str
    as_prepared: frozenset[str]
    arrays: Arrays
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
    arrays = Arrays()
    with precision(prepared.config.runtime.precision):
        body = _Model(prepared, arrays)
        function = list(body.function())
        weighted = data.examples(prepared, raw, body.as_prepared, arrays)
        parts = parts_of(prepared, arrays, weighted=weighted)
    left_out = tuple(_left_out(prepared, body))
    results = [results_code(prepared.built, t, arrays) for t in _to_results(prepared)]

    def text(ending: list[str]) -> str:
        sections = [
            [*_imports(function, parts, results), "", *_constants(prepared)],
            _examples(prepared, raw, weighted=weighted),
            [*function, *ending],
            *([text] for text in (*results, *parts.definitions)),
            _compiling(parts),
            _batches(prepared),
            _main(prepared, parts, raw),
            ['if __name__ == "__main__":', "    main()"],
        ]
        return _docstring(prepared, left_out) + "\n\n" + "\n\n\n".join("\n".join(lines) for lines in sections) + "\n"

    texts = [text(body.ending(load_weights=load)) for load in (False, True)]
    return Script(texts[0], texts[1], frozenset(body.as_prepared), arrays, left_out)


def _to_results(prepared: Prepared) -> list[Any]:
    """The targets whose logits are no results yet."""
    built = prepared.built
    return [target for target in built.spec.targets.values() if results_differ(built, target)]


class _Model:
    """The function that builds the network, from raw inputs to logits.

    Attributes:
        as_prepared: the inputs that it takes as the host stage leaves them.
    """

    def __init__(self, prepared: Prepared, arrays: Arrays) -> None:
        self._prepared, self._built, self._arrays = prepared, prepared.built, arrays
        self._inputs = {n: keras.Input(x.shape, dtype=x.dtype, name=n) for n, x in self._built.spec.inputs.items()}
        self.as_prepared = {name for name in self._inputs if self._is_prepared_before(name)}

    def _is_prepared_before(self, name: str) -> bool:
        """Whether the host stage of an input is long, or sizes vary before it."""
        x = self._inputs[name]
        if None in x.shape[1:]:
            return True
        return count_operations([self._on_host(name, x)], [x]) > MOST_OPERATIONS

    def _on_host(self, name: str, x: Any) -> Any:
        return apply_layers(self._built.preprocessing.host[name], x)

    def function(self) -> Iterator[str]:
        """Its lines, but for the last."""
        built, spec = self._built, self._built.spec
        yield "def build_model():"
        yield '    """The network, from inputs to logits."""'
        reserved = {*spec.inputs, *spec.targets, "model"}
        for name in spec.inputs:
            yield from self._input(name)
        written: list[Statement] = []
        ready: dict[str, Code] = {}
        for name in spec.inputs:
            found, ready[name] = self._preprocessing(name, reserved)
            written += found
        inputs = _by_name(built.network.input, spec.inputs)
        names = Names({id(x): ready[n] for n, x in inputs.items()}, reserved)
        outputs = _by_name(built.network.output, spec.targets)
        written += statements(outputs, names, self._arrays, built.origins)
        yield from self._commented(written)

    def ending(self, *, load_weights: bool) -> list[str]:
        """Its last lines."""
        spec = self._built.spec
        arguments = [_unwrapped(list(spec.inputs)), _unwrapped(list(spec.targets))]
        model = Call("keras.Model", arguments, {"name": literal(self._built.model.name)})
        if not load_weights:
            return list(statement(model, before="return "))
        return [
            *statement(model, before="model = "),
            "    # The seed alone does not give them.",
            '    model.load_weights(Path(__file__).with_suffix(".weights.h5"))',
            "    return model",
        ]

    def _input(self, name: str) -> Iterator[str]:
        x = self._inputs[name]
        if name in self.as_prepared:
            spec = self._prepared.splits.spec.inputs[name]
            x = keras.Input(spec.shape, dtype=spec.dtype, name=name)
            yield f"    # As dlkit prepared it: {', '.join(_host_words(self._prepared, name))}."
        shape, dtype = literal(tuple(x.shape[1:])), literal(keras.backend.standardize_dtype(x.dtype))
        call = Call("keras.Input", [shape], {"dtype": dtype, "name": literal(name)})
        yield from statement(call, before=f"{name} = ")

    def _preprocessing(self, name: str, reserved: set[str]) -> tuple[list[Statement], Code]:
        """The statements between an input and the network, and the variable that they end in."""
        built, key = self._built, self._built.spec.inputs[name].key
        if name in self.as_prepared:
            spec = self._prepared.splits.spec.inputs[name]
            x = keras.Input(spec.shape, dtype=spec.dtype, name=name)
            prepared = built.preprocessing.for_network(name, x)
        else:
            x = self._inputs[name]
            prepared = built.preprocessing.whole(name, x)
        names = Names({id(x): name}, reserved)
        variable = "x" if len(self._inputs) == 1 and "x" not in reserved else f"{name}_prepared"
        found: list[Statement] = []
        if prepared is not x:
            found = statements({variable: prepared}, names, self._arrays, {}, key)
        end: Code = variable if prepared is not x else name
        for number, layer in enumerate(built.preprocessing.augment[name]):
            step = (*key, "augment", number)
            if type(layer).__module__.split(".")[0] != "keras" or hasattr(layer, "get_random_transformation_of_labels"):
                raise cannot_be_written("this random step is no layer of Keras's", step, "leave it out for the export")
            found.append(Statement(variable, Call(made_by(layer, self._arrays, step), [end]), step))
            end = variable
        return found, end

    def _commented(self, written: Sequence[Statement]) -> Iterator[str]:
        """The statements, with the line of the configuration where another one begins."""
        before: Key | None = None
        seen: set[Key] = set()
        for one in written:
            if one.key != before:
                yield _comment(self._prepared, one.key, again=one.key in seen)
            before = one.key
            seen.add(one.key)
            yield from statement(one.code, before=f"{one.name} = ")


def _by_name(tensors: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    return tensors if isinstance(tensors, dict) else {next(iter(names)): tensors}


def _unwrapped(names: list[str]) -> Code:
    if len(names) == 1:
        return names[0]
    return Call("", [f"{flat(literal(n))}: {n}" for n in names], brackets="{}")


def _host_words(prepared: Prepared, name: str) -> list[str]:
    """What the host stage of an input does, in words of the configuration."""
    settings = prepared.config.data.inputs[name]
    return [f"kind {settings.kind}", *(step.step for step in settings.preprocess)]


def _comment(prepared: Prepared, key: Key, *, again: bool) -> str:
    """A setting as the configuration has it, in a line; where it stands alone if it was shown before."""
    node, words = find(prepared.loaded.root, key), dotted(key)
    if node is not None and not again:
        value = yaml.safe_dump(plain(node), default_flow_style=True, width=10_000, sort_keys=False)
        words += f": {value.removesuffix(chr(10)).removesuffix(chr(10) + '...').strip()}"
    return f"    # {words}"[:WIDTH]


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


def _imports(function: Sequence[str], parts: Parts, results: Sequence[str]) -> list[str]:
    text = "\n".join([*function, *parts.definitions, *results, *(flat(code) for code in parts.keywords.values())])
    used = [name for name in ("layers", "ops") if re.search(rf"\b{name}\.", text)]
    lines = ["from pathlib import Path", "", "import keras", "import numpy as np", "import tensorflow as tf"]
    if "math." in text:
        lines.insert(0, "import math")
    return lines + ([f"from keras import {', '.join(used)}"] if used else [])


def _constants(prepared: Prepared) -> list[str]:
    config = prepared.config
    lines = [
        f"SEED = {config.seed}",
        f"EPOCHS = {config.training.epochs}",
        f"BATCH_SIZE = {batch_size(prepared)}",
        "# The examples, and numbers that were fitted on them, as dlkit wrote them beside this file.",
        'ARRAYS = np.load(Path(__file__).with_suffix(".npz"))',
    ]
    if config.runtime.precision != "float32":
        lines.append(f"keras.config.set_dtype_policy({flat(literal(config.runtime.precision))})")
    return lines


def _examples(prepared: Prepared, raw: Splits, *, weighted: bool) -> list[str]:
    """The function that reads a split."""
    spec = prepared.built.spec

    def read(names: Sequence[str]) -> Code:
        codes = [f'ARRAYS[f"{name}_{{split}}"]' for name in names]
        if len(names) == 1:
            return codes[0]
        keys = [name.removesuffix("_weights") if name not in spec.inputs else name for name in names]
        return Call("", [f"{flat(literal(k))}: {c}" for k, c in zip(keys, codes, strict=True)], brackets="{}")

    groups = {"inputs": list(spec.inputs), "labels": list(spec.targets)}
    if weighted:
        groups["weights"] = [data.weights_name(target) for target in spec.targets]
    splits = ", ".join(f"`{name}`" for name in raw.by_name)
    lines = ["def examples(split):", f'    """{listed(list(groups)).capitalize()} of a split: {splits}."""']
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


def _main(prepared: Prepared, parts: Parts, raw: Splits) -> list[str]:
    training, built = prepared.config.training, prepared.built
    keywords: dict[str, Code] = {"epochs": "EPOCHS", "steps_per_epoch": "steps"}
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
        found = [f'"{n}": {result(t, f"model.output[{flat(literal(n))}]")}' for n, t in targets.items()]
        code = Call("", found, brackets="{}")
    return [*statement(code, before="results = "), f"    keras.Model(model.input, results).save({path})"]


def _left_out(prepared: Prepared, body: _Model) -> Iterator[str]:
    """What a script does not do as dlkit does."""
    config, network = prepared.config, prepared.built.network
    training = config.training
    random = any("dropout" in type(layer).__name__.lower() for layer in network.layers)
    if random or config.model.uses("dropout") or any(prepared.built.preprocessing.augment.values()):
        yield "What is random in training, dropout or augmentation, draws other numbers."
    for name in body.as_prepared:
        yield f"`{name}` is read as dlkit prepared it, and a saved model takes it so."
    for setting, value in (("max_steps", training.max_steps), ("max_time", training.max_time)):
        if value is not None:
            yield f"`training.{setting}` does not end it."
    if training.on_nonfinite.action == "rollback":
        yield "A loss that is no finite number stops nothing."
