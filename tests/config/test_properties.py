"""Whatever the input, loading ends in a configuration or in located problems."""

from __future__ import annotations

import copy
import string
import sys
import tempfile
from pathlib import Path
from subprocess import run

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlkit.config.problems import ConfigError
from dlkit.config.reader import read_text
from dlkit.config.render import render, to_json
from dlkit.schema.loader import from_mapping, load
from tests.config.base import VALID

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
DATA = read_text(VALID, "f").data

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["adam", "rescale", "relu", "${seed}", "${env:NOPE}", "${a.b}", "$${", "${", "1e-3", "010", "cnn"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "kind", "builder", "step", "rescale", "scale", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def paths(data, key=()):
    yield key
    if isinstance(data, dict | list):
        for part, below in data.items() if isinstance(data, dict) else enumerate(data):
            yield from paths(below, (*key, part))


KEYS = [key for key in paths(DATA) if key]


def mutated(key, value, rename):
    data = copy.deepcopy(DATA)
    here = data
    for part in key[:-1]:
        here = here[part]
    if rename is not None and isinstance(here, dict):
        here[rename] = here.pop(key[-1])
    else:
        here[key[-1]] = value
    return data


def ends_well(function, *args):
    """Run a loader, and render what it says; any other exception fails the test."""
    try:
        loaded = function(*args)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.location is not None and problem.message
        assert render(error.problems) and to_json(error.problems)["problems"]
        return None
    return loaded


def load_bytes(content: bytes, *overrides: str):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yaml"
        path.write_bytes(content)
        return ends_well(load, path, overrides)


@SETTINGS
@given(st.sampled_from(KEYS), values, st.none() | st.text(string.ascii_letters + "_.:$", max_size=6))
def test_a_changed_configuration_loads_or_is_refused(key, value, rename):
    loaded = ends_well(from_mapping, mutated(key, value, rename))
    if loaded is not None:
        assert loaded.origins and loaded.to_yaml()


@SETTINGS
@given(st.sampled_from(KEYS), values, st.none() | st.text(max_size=6))
def test_a_changed_file_loads_or_is_refused(key, value, rename):
    load_bytes(yaml.safe_dump(mutated(key, value, rename), allow_unicode=True).encode("utf-8", errors="ignore"))


@SETTINGS
@given(st.binary(max_size=200))
def test_random_bytes_load_or_are_refused(content):
    load_bytes(content)


@SETTINGS
@given(st.integers(0, len(VALID)), st.integers(0, 30), st.text("{}[]:,-&*!|>'\"%@`#?\t\n ~.${}a1", max_size=6))
def test_a_damaged_file_loads_or_is_refused(start, length, new):
    load_bytes((VALID[:start] + new + VALID[start + length :]).encode())


@SETTINGS
@given(
    st.lists(
        st.builds(
            lambda key, sign, value: f"{'.'.join(map(str, key))}{sign}{value}",
            st.sampled_from(KEYS) | st.lists(st.text("abc.01=", max_size=3), max_size=3).map(tuple),
            st.sampled_from(["=", "", "=="]),
            st.text(max_size=8) | values.map(repr),
        ),
        max_size=3,
    )
)
def test_any_overrides_set_values_or_are_refused(words):
    load_bytes(VALID.encode(), *words)


names = st.text("ab_c1", min_size=1, max_size=5).filter(lambda n: n[0] != "_")
fractions = st.floats(0, 0.99)
positive = st.floats(1e-12, 1e12)
texts = st.text(min_size=1, max_size=6).filter(lambda t: t.isprintable()) | st.sampled_from(
    [
        "no",
        "1e-3",
        "010",
        "null",
        "~",
        "12:30:00",
        "a: b",
        "#",
        "${x}",
        "$${",
        "-",
        "'",
        '"',
        "\u2028",
        "\x85",
        "é\U0001f600",
    ]
)


@st.composite
def configurations(draw):
    """A valid configuration as plain data; `${` in texts is doubled, since it is text here."""
    escaped = texts.map(lambda t: t.replace("${", "$${"))
    optimizer = draw(
        st.sampled_from(["adam", "sgd"])
        | st.fixed_dictionaries(
            {"name": st.just("adam")},
            optional={"learning_rate": positive, "beta_1": fractions, "epsilon": positive, "clipnorm": positive},
        )
    )
    steps = st.lists(
        st.sampled_from(["rescale", "normalize"])
        | st.fixed_dictionaries({"scale": st.floats(allow_nan=False, allow_infinity=False)}).map(
            lambda s: {"rescale": s}
        ),
        max_size=3,
    )
    classes = (
        st.none() | st.integers(2, 50) | st.lists(texts.map(lambda t: t.replace("${", "$${")), min_size=2, unique=True)
    )
    return {
        "name": draw(names),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "data": {
            "source": {"kind": "tfds", "name": draw(escaped)},
            "inputs": {"image": {"kind": "image", "preprocess": draw(steps), "augment": ["random_flip"]}},
            "targets": {"label": {"kind": "category", "classes": draw(classes)}},
            "batch_size": draw(st.integers(1, 10**6)),
        },
        "model": {
            "builder": "mlp",
            "dense": draw(st.lists(st.integers(1, 999), min_size=1)),
            "dropout": draw(fractions),
        },
        "training": {"optimizer": optimizer, "epochs": draw(st.integers(1, 10**9))},
    }


def reads_back_equal(data):
    loaded = from_mapping(data)
    again = load_bytes(loaded.to_yaml().encode())
    assert again is not None and again.config == loaded.config
    assert again.to_yaml() == loaded.to_yaml()


@settings(SETTINGS, max_examples=40)
@given(configurations())
def test_the_resolved_configuration_reads_back_equal(data):
    reads_back_equal(data)


@pytest.mark.slow
@SETTINGS
@given(configurations())
def test_many_resolved_configurations_read_back_equal(data):
    reads_back_equal(data)


def test_a_configuration_fails_without_tensorflow_or_numpy():
    code = (
        "import sys\nfrom dlkit.schema.loader import load\nfrom dlkit.config.problems import ConfigError\n"
        "from dlkit.config.render import render\n"
        "try:\n    load(sys.argv[1], ['training.epoch=3', 'data.nope=1'])\n"
        "except ConfigError as error:\n    assert 'did you mean' in render(error.problems)\n"
        "else:\n    sys.exit('it loaded')\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'tensorflow_datasets'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    path = Path(__file__).parents[2] / "configs" / "mnist_cnn.yaml"
    done = run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
