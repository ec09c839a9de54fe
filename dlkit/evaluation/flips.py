"""Test-time augmentation: the mean of what a model says of an image and of its mirror images."""

from __future__ import annotations

from dataclasses import replace

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Problem
from dlkit.evaluation.trained import Trained

# The axes of a batch of images that are turned round, for each prediction that the mean is of.
AXES: dict[str, tuple[tuple[int, ...], ...]] = {
    "horizontal": ((), (2,)),
    "vertical": ((), (1,)),
    "both": ((), (1,), (2,), (1, 2)),
}


def with_flips(trained: Trained, flips: str | None) -> Trained:
    """The same model, whose results are means over its images as they are and flipped.

    Args:
        trained: the model.
        flips: `horizontal`, `vertical` or `both`; None for images as they are alone.

    Raises:
        ConfigError: if there is no such word, or the model takes no images.
    """
    if flips is None:
        return trained
    if flips not in AXES:
        help = did_you_mean(str(flips), AXES)
        raise ConfigError(Problem("unknown-choice", f"`{flips}` is no way to flip images", help=help))
    images = frozenset(name for name, bound in trained.spec.inputs.items() if "width" in bound.settings.axes)
    if not images:
        message = f"flips are for images, and the model takes {', '.join(b.kind for b in trained.spec.inputs.values())}"
        raise ConfigError(Problem("input-does-not-fit", message, help="leave them out"))
    return replace(trained, images=images, views=AXES[flips])


def note(trained: Trained) -> tuple[str, ...]:
    """The line about results that are means; none where they are not."""
    several = len(trained.views)
    return (f"results are means over {several} predictions, of images as they are and flipped",) if several > 1 else ()
