"""What the text phase knows of Keras without importing it is what the installed Keras has."""

from __future__ import annotations

import inspect

import keras
import pytest

from dlkit.config import keras_names
from dlkit.config import rules_of_training as rules
from dlkit.config.errors_path import tagged, with_discriminator
from dlkit.config.schema.training import Training
from dlkit.models.heads import KINDS
from dlkit.models.keras_table import build_table

OPTIMIZERS = tagged(with_discriminator(Training.model_fields["optimizer"]))
# Keras's class for each name, where it is not the name with a capital.
CLASSES = {"adamw": "AdamW", "rmsprop": "RMSprop", "sgd": "SGD"}


def test_the_table_of_names_is_that_of_the_installed_keras():
    assert keras_names.table() == build_table()


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_optimizers_have_the_arguments_and_defaults_of_keras(name):
    cls = getattr(keras.optimizers, CLASSES.get(name, name.capitalize()))
    theirs = inspect.signature(cls.__init__).parameters
    ours = OPTIMIZERS[name].model_fields
    for field, info in ours.items():
        if field != "name":
            assert field in theirs, f"{field} is no argument of keras.optimizers.{cls.__name__}"
            assert info.get_default() == theirs[field].default, field


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_keras_makes_the_optimizer_from_the_settings(name):
    settings = OPTIMIZERS[name](name=name)
    made = keras.optimizers.get({"class_name": name, "config": settings.model_dump(exclude={"name"})})
    assert float(made.learning_rate.numpy()) == pytest.approx(settings.learning_rate)


def test_defaults_of_each_kind_of_target_are_among_what_fits_it():
    for kind, made in KINDS.items():
        assert made.loss in rules.FITTING_LOSSES[kind]
        assert list(made.metrics) == rules.DEFAULT_METRICS[kind]
        assert set(made.metrics) <= rules.FITTING_METRICS[kind]
        assert rules.FITTING_LOSSES[kind] <= set(keras_names.table()["losses"])
        assert rules.FITTING_METRICS[kind] <= set(keras_names.table()["metrics"])
