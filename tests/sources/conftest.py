"""Fixtures of the sources' tests."""

import pytest

from tests.sources.shades import make_shades


@pytest.fixture(scope="package")
def prepared(tmp_path_factory):
    """A folder with the prepared set `shades`, which nothing may change."""
    return make_shades(tmp_path_factory.mktemp("tfds"))
