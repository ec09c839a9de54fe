"""Settings of `model`: those of one builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlkit.schema.builder import BUILDERS, BuilderSettings

if TYPE_CHECKING:
    AnyModel = BuilderSettings
else:
    AnyModel = BUILDERS.type()
