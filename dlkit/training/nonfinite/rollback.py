"""Going on after a number that was not finite: from a checkpoint, with a remedy."""

from __future__ import annotations

from typing import Any

from dlkit.schema import Config
from dlkit.training.checkpoints.files import Progress


def remedied(config: Config, progress: Progress) -> Config:
    """The configuration with the remedies of the rollbacks so far: a lower rate, and a clip where one is asked for."""
    if not progress.rollbacks:
        return config
    settings, optimizer = config.training.on_nonfinite, config.training.optimizer
    change: dict[str, Any] = {"learning_rate": lowered_rate(config, progress)}
    if settings.global_clipnorm is not None:
        change |= {"clipnorm": None, "clipvalue": None, "global_clipnorm": settings.global_clipnorm}
    training = config.training.model_copy(update={"optimizer": optimizer.model_copy(update=change)})
    return config.model_copy(update={"training": training})


def lowered_rate(config: Config, progress: Progress) -> float:
    """The full learning rate after the rollbacks so far."""
    factor = config.training.on_nonfinite.learning_rate_factor
    return float(config.training.optimizer.learning_rate * factor**progress.rollbacks)


def rollback_message(config: Config, progress: Progress) -> str:
    """What a rollback does, in a sentence."""
    settings = config.training.on_nonfinite
    clip = f" and gradients no longer than {settings.global_clipnorm:g}" if settings.global_clipnorm else ""
    where = f"epoch {progress.epoch + 1}, step {progress.step_in_epoch:,}"
    rate = lowered_rate(config, progress)
    return (
        f"back to the checkpoint of {where}, with a learning rate of {rate:g}{clip} "
        f"(rollback {progress.rollbacks} of {settings.attempts})"
    )
