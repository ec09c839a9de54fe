"""What a run does and plain Keras has no words for: refused with its setting, rather than left out of a script."""

from __future__ import annotations

import keras

from dlkit.config.keras_names import snake_case
from dlkit.export.script.objects import cannot_be_written
from dlkit.models.pretrained import pretrained_layers
from dlkit.training.prepare import Prepared

# Settings of `training`, and what they ask for.
OF_THE_LOOP = {
    "swa": "averages weights over the last epochs",
    "unfreeze_after": "begins to train layers after some epochs",
    "layer_rates": "has learning rates of single layers",
}


def refuse_beyond_keras(prepared: Prepared) -> None:
    """Raise for the first setting that a script could not follow.

    Raises:
        ConfigError: with its place, and what to leave out.
    """
    config, built = prepared.config, prepared.built
    for name, what in OF_THE_LOOP.items():
        if getattr(config.training, name):
            raise cannot_be_written(f"`fit` of Keras never {what}", ("training", name), "leave it out for the export")
    for _ in pretrained_layers(built.network, built.origins, config):
        help = "write `weights: none`, and give the script's network the weights"
        raise cannot_be_written("the backbone begins with trained weights", ("model", "backbone", "weights"), help)
    for target in built.spec.targets.values():
        settings, key = target.settings, target.key
        if settings.own_loss_name:
            why = f"the loss `{settings.own_loss_name}` of `{target.name}` is none of Keras's"
            raise cannot_be_written(why, (*key, "quantiles"), "leave `quantiles` out")
        if not all(isinstance(layer, keras.layers.Layer) for layer in settings.results_layers(target)):
            why = f"what `{target.name}` predicts is computed by several operations from its outputs"
            raise cannot_be_written(why, key, "leave `positive` out")
        for number, metric in enumerate(built.choice.metrics(target)):
            if (name := snake_case(type(metric).__name__)) in settings.of_one_hot:
                why = f"`{name}` is of one-hot labels, and those of `{target.name}` are numbers of classes"
                raise cannot_be_written(why, built.choice.metric_key(target, number), "leave it out for the export")
