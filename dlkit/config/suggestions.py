"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# What people write, by the name that dlkit (mostly Keras) uses. The first that fits is taken. What a source, a kind, a
# step or a builder is called elsewhere stands in its class, as `also_called`.
_SYNONYMS = {
    "learning_rate": "lr, eta, step_size, rate",
    "epochs": "num_epochs, n_epochs, max_epochs, nb_epoch, epoch, nepochs, total_epochs",
    "batch_size": "batchsize, bs, batch, minibatch_size, train_batch_size",
    "validation": "val, valid, dev, eval, validate",
    "train": "training, fit",
    "test": "testing, eval",
    "training": "train, trainer, fit, train_config",
    "data": "dataset, datasets, input_data, dataloader",
    "model": "network, net, architecture, arch",
    "runtime": "run, hardware, device, environment",
    "optimizer": "optimiser, optim, opt",
    "schedule": "scheduler, lr_schedule, lr_scheduler, learning_rate_schedule, learning_rate_scheduler",
    "loss": "loss_fn, criterion, loss_function, objective",
    "metrics": "metric",
    "kind": "type, dtype, class",
    "builder": "type, kind, architecture, arch, name",
    "name": "type, kind, class_name, title",
    "source": "dataset, from, loader",
    "inputs": "input, features, x",
    "targets": "target, label, labels, output, outputs, y",
    "classes": "num_classes, class_names, n_classes, labels, labels_names",
    "preprocess": "preprocessing, transforms, transform, preprocessors",
    "augment": "augmentation, augmentations, augmenter, aug",
    "filters": "channels, num_filters, n_filters, out_channels, features",
    "kernel_size": "kernel, filter_size, kernelsize, ksize",
    "strides": "stride",
    "pool_size": "pool, pooling, max_pool",
    "blocks": "layers, convs, conv_blocks, block",
    "dense": "hidden, hidden_layers, hidden_units, layers, fc",
    "units": "hidden_size, hidden, cells, num_units, hidden_units",
    "dropout": "dropout_rate, drop_rate, p",
    "batch_normalization": "batch_norm, batchnorm, bn, norm",
    "early_stopping": "earlystopping, early_stop, stopping",
    "warmup_epochs": "warmup, warmup_steps",
    "clipnorm": "clip_norm, gradient_clip, max_norm",
    "global_clipnorm": "max_grad_norm, clip_grad_norm, gradient_clip_val",
    "weight_decay": "l2, decay, wd",
    "beta_1": "beta1, b1",
    "beta_2": "beta2, b2",
    "epsilon": "eps",
    "seed": "random_seed, random_state, rng",
    "expects": "expect, expected",
    "plugins": "plugin, imports, modules",
    "extends": "extend, inherits, base, defaults",
    "precision": "mixed_precision, dtype",
    "monitor": "metric_to_monitor, watch",
    "shuffle": "shuffled",
    "path": "file, filename, filepath",
    "mean_squared_error": "mse, l2",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae, l1",
    "mean_absolute_percentage_error": "mape",
    "sparse_categorical_crossentropy": "cross_entropy, crossentropy, ce, nll, sparse_categorical_cross_entropy",
    "binary_crossentropy": "bce, binary_cross_entropy, log_loss",
    "accuracy": "acc",
    "auc": "roc_auc, auroc",
    "f1_score": "f1, f1score",
    "kl_divergence": "kld, kl, kl_div",
    "mean_squared_logarithmic_error": "msle",
    "huber": "smooth_l1, smooth_l1_loss",
    "binary_focal_crossentropy": "focal, focal_loss, binary_focal",
    "categorical_focal_crossentropy": "focal, focal_loss, sparse_categorical_focal_crossentropy",
    "r2_score": "r2, r_squared",
    "sparse_top_k_categorical_accuracy": "top_k, top_5, top_3, top_k_accuracy, top_5_accuracy",
    "random_normal": "normal, gaussian",
    "random_uniform": "uniform",
    "glorot_normal": "xavier_normal",
    "glorot_uniform": "xavier_uniform, xavier",
    "he_normal": "kaiming_normal",
    "he_uniform": "kaiming_uniform, kaiming",
    "silu": "swish",
    "random_flip": "flip, horizontal_flip, random_horizontal_flip",
    "random_rotation": "rotation, rotate",
    "random_translation": "translation, shift, random_shift",
    "random_crop": "crop",
    "random_zoom": "zoom",
    "random_contrast": "contrast",
    "random_brightness": "brightness",
}


def nearest_name(word: str, choices: Iterable[str], synonyms: Mapping[str, str] | None = None) -> str | None:
    """The choice that `word` was probably meant to be, or None where nothing is near.

    Args:
        word: what was written.
        choices: what could have been meant.
        synonyms: for some choices, what people write for them elsewhere, comma-separated; they go before the words
            that are known for all.
    """
    import difflib

    names = list(choices)
    by_form: dict[str, str] = {}
    for name in names:
        by_form.setdefault(_form(name), name)
    form = _form(word)
    if form in by_form:
        return by_form[form]
    for name, words in [*(synonyms or {}).items(), *_SYNONYMS.items()]:
        if name in names and form in map(_form, words.split(", ")):
            return name
    near = difflib.get_close_matches(form, by_form, 1, 0.65)
    return by_form[near[0]] if near else None


def meant_by(word: str, synonyms: Mapping[str, str]) -> list[str]:
    """The names that `word` is a synonym for."""
    form = _form(word)
    return [name for name, words in synonyms.items() if form in map(_form, words.split(", "))]


def names_meant_by(word: str) -> list[str]:
    """The names for which `word` is a common synonym, or another spelling."""
    form = _form(word)
    return [name for name, words in _SYNONYMS.items() if form == _form(name) or form in map(_form, words.split(", "))]


def _form(name: str) -> str:
    """A name without case, dashes and underscores."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
