"""What is said about names that are not there."""

from dlkit.config.names import did_you_mean


def test_the_nearest_name_and_a_short_list():
    assert did_you_mean("Train", ["test", "train"], "it has") == "did you mean `train`? it has `test`, `train`"
    assert did_you_mean("zebra", ["test", "train"]) == "there is `test`, `train`"
    assert did_you_mean("zebra", []) == "there is nothing"


def test_a_long_list_is_cut():
    many = [f"set_{n:03}" for n in range(100)]
    assert did_you_mean("mnits", [*many, "mnist"]) == "did you mean `mnist`?"
    assert did_you_mean("zebra", many).endswith("`set_011` and 88 more")
