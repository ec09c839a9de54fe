from __future__ import annotations

import io
import json

from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, Location, Problem
from dlkit.config.render import print_problems, render, to_json
from tests.config.base import VALID, mistakes


def problem(excerpt: str, column: int, length: int, **more) -> Problem:
    return Problem("unknown-key", "wrong", ("a",), Location("f.yaml", 7, column, length, excerpt), "label", **more)


def caret_line(text: str) -> str:
    return next(line for line in text.splitlines() if "^" in line)


def test_a_problem_reads_as_a_compiler_would_say_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (found,) = mistakes(tmp_path, VALID.replace("learning_rate: 0.001", "learningrate: 0.001"))
    path = tmp_path / "c.yaml"
    assert render([found]) == (
        "error[unknown-key]: `learningrate` is not a setting of training.optimizer\n"
        f"  --> {path}:21:27\n"
        "   |\n"
        "21 |   optimizer: {name: adam, learningrate: 0.001}\n"
        "   |                           ^^^^^^^^^^^^ did you mean `learning_rate`?\n"
        "\n"
        f"1 error in {path}\n"
    )


def test_an_override_is_shown_as_the_argument_it_is(tmp_path):
    (found,) = mistakes(tmp_path, VALID, "seed=1", "training.epochs=-1")
    text = render([found])
    assert "--> command line, argument 2" in text
    assert "| training.epochs=-1" in text
    assert text.endswith("1 error in the command line\n")


def test_help_and_key_are_shown_where_there_is_no_place():
    text = render([Problem("x", "m", ("a", 0, "b"), label="l", help="h")])
    assert text == "error[x]: m\n  --> a.0.b\n   = l\n   = help: h\n\n1 error\n"
    place = Location(IN_PYTHON, 1, 1, 1, "a = 3")
    assert "--> a (given in Python)" in render([Problem("x", "m", ("a",), place)])


def test_errors_and_warnings_are_counted():
    warning = problem("abc", 1, 3, severity="warning")
    assert render([warning]).startswith("warning[unknown-key]")
    assert render([problem("abc", 1, 1), problem("abc", 2, 1), warning]).endswith("2 errors and 1 warning in f.yaml\n")
    assert render([]) == ""


def test_the_caret_stands_under_wide_and_combining_characters():
    line = caret_line(render([problem("数据: e\u0301x", 7, 1)]))
    assert line.split("| ")[1].index("^") == len("xxxx: e")
    line = caret_line(render([problem("a: 数据", 4, 2)]))
    assert line.count("^") == 4


def test_a_long_line_is_cut_around_the_caret():
    text = render([problem("x" * 5000 + "HERE" + "y" * 5000, 5001, 4)])
    shown = next(line for line in text.splitlines() if "HERE" in line)
    assert len(shown) < 140 and shown.endswith("...")
    assert shown.index("HERE") == caret_line(text).index("^")
    assert caret_line(text).count("^") == 4


def test_what_would_move_the_cursor_is_made_visible():
    text = render([Problem("x", "a\x1b[31mb", (), Location("f\x07", 1, 1, 1, "\ta\x1b]0;b"), "c\rd")])
    assert not any(ord(c) < 32 and c != "\n" for c in text)


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for stream, coloured in [(Terminal(), True), (io.StringIO(), False)]:
        print_problems([problem("abc", 1, 3)], stream)
        assert ("\x1b[" in stream.getvalue()) == coloured
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    print_problems([problem("abc", 1, 3)], stream)
    assert "\x1b[" not in stream.getvalue()


def test_json_holds_everything_by_documented_keys():
    (first, second) = json.loads(json.dumps(to_json([problem("abc", 1, 3), Problem("x", "m")])))["problems"]
    assert set(first) == {"code", "severity", "message", "key", "label", "help", "location"}
    assert first["location"] == {"source": "f.yaml", "line": 7, "column": 1, "length": 3, "excerpt": "abc"}
    assert (second["key"], second["location"]) == (None, None)
    assert COMMAND_LINE == "command line"
