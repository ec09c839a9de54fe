"""What others raise, in words: also an error that says nothing."""

from __future__ import annotations

import pytest

from dlkit.config.causes import first_line, kind_and_line, printable, reported_as
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.schema.keras_objects import refusals_of_keras


@pytest.mark.parametrize("words", ["", " ", "\n", "\n  \n"])
def test_an_error_without_words_is_called_by_its_kind(words):
    error = ValueError(words)
    assert first_line(error) == kind_and_line(error) == "ValueError"
    with pytest.raises(ConfigError) as refused, refusals_of_keras("`random_flip`", ("data",)):
        raise error
    assert refused.value.problems[0].message == "Keras refuses `random_flip`: ValueError"


@pytest.mark.parametrize("error", [ValueError, TypeError, AttributeError, ZeroDivisionError])
def test_whatever_keras_raises_of_its_arguments_is_a_mistake_of_the_setting(error):
    refusals = refusals_of_keras("the optimizer", ("training", "optimizer"), "optimizer-refused")
    with pytest.raises(ConfigError, match="Keras refuses the optimizer: no"), refusals:
        raise error("no")


def test_the_first_line_is_that_of_the_reason():
    assert first_line(ValueError("\n one\ntwo")) == "one"
    assert first_line(ValueError("it cannot be read:\n  one\ntwo")) == "it cannot be read: one"
    assert first_line(ValueError("Error.\nException encountered: one\ntwo")) == "one"
    assert first_line(ValueError("{{node x}} one"), after="}} ") == "one"
    assert kind_and_line(ValueError("one\ntwo")) == "ValueError: one"
    assert printable("a\x1b[2Jb") == "a\\x1b[2Jb"
    assert len(first_line(ValueError("x" * 10_000))) < 1000


def test_whatever_is_raised_becomes_the_problem_unless_it_is_one():
    def problem(error):
        return Problem("callback-failed", f"it raised {type(error).__name__}")

    with pytest.raises(RunError, match="it raised ZeroDivisionError") as raised, reported_as(problem):
        _ = 1 / 0
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    with pytest.raises(ConfigError, match="as it was"), reported_as(problem):
        raise ConfigError(Problem("does-not-fit", "as it was"))
