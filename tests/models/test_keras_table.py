"""What the text phase knows of Keras without importing it is what the installed Keras has."""

from __future__ import annotations

import inspect

import keras
import pytest

from dlkit.config import keras_names
from dlkit.models.keras_table import build_table
from dlkit.schema.keras_objects import keras_class, keras_optimizer
from dlkit.schema.optimizers import OPTIMIZERS
from dlkit.schema.target import TARGETS

# Keras's class for each name, where it is not the name with a capital.
CLASSES = {"adamw": "AdamW", "rmsprop": "RMSprop", "sgd": "SGD", "schedule_free_adamw": "ScheduleFreeAdamW"}


def test_the_table_of_names_is_that_of_the_installed_keras():
    assert keras_names.table() == build_table()


@pytest.mark.parametrize("category", ["losses", "metrics", "callbacks", "random_layers"])
def test_every_name_has_its_class_in_keras(category):
    for name, arguments in keras_names.table()[category].items():
        cls = keras_class(category, name)
        assert cls is not None, name
        assert set(arguments) <= set(inspect.signature(cls).parameters)
    assert keras_class(category, "of_a_plug_in") is None


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_optimizers_have_the_arguments_and_defaults_of_keras(name):
    cls = getattr(keras.optimizers, CLASSES.get(name, name.capitalize()))
    theirs = inspect.signature(cls.__init__).parameters
    ours = OPTIMIZERS[name].model_fields
    for field, info in ours.items():
        if field != "name":
            assert field in theirs, f"{field} is no argument of keras.optimizers.{cls.__name__}"
            assert info.get_default() == theirs[field].default, field


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_keras_makes_the_optimizer_from_the_settings(name):
    settings = OPTIMIZERS[name](name=name)
    made = keras_optimizer(settings)
    assert type(made) is getattr(keras.optimizers, CLASSES.get(name, name.capitalize()))
    assert float(made.learning_rate.numpy()) == pytest.approx(settings.learning_rate)


@pytest.mark.parametrize("name", TARGETS.names())
def test_defaults_of_a_kind_of_target_are_among_what_fits_it(name):
    kind, table = TARGETS[name], keras_names.table()
    assert kind.default_loss in kind.losses
    assert set(kind.default_metrics) <= kind.metrics_that_fit
    assert kind.smoothable <= kind.losses <= set(table["losses"])
    assert kind.metrics_that_fit <= set(table["metrics"])
    assert all("label_smoothing" in table["losses"][loss] for loss in kind.smoothable if not loss.startswith("sparse_"))
    assert kind.holds
