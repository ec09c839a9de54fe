"""Rules on data and model: splits, names, classes, preprocessing, and the builder that reads the inputs."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.problems import ConfigError, Problem
from dlkit.config.schema import Config
from dlkit.config.schema.data import ImageInput, Resize, SequenceInput
from dlkit.config.schema.model import Cnn, Rnn
from dlkit.config.slices import read_slices


def slices_can_be_read(config: Config) -> Iterator[Problem]:
    """Every split is written in the language of slices."""
    for name, text in config.data.splits or ():
        try:
            if text is not None:
                read_slices(text, ("data", "splits", name))
        except ConfigError as error:
            yield from error.problems


def splits_differ(config: Config) -> Iterator[Problem]:
    """What trains does not also validate or test."""
    splits = config.data.splits
    if splits is None:
        return
    used = {splits.train: "train"}
    for name in ("validation", "test"):
        slice_ = getattr(splits, name)
        if slice_ in used and slice_ is not None:
            yield Problem(
                "contradiction",
                f"`{name}` and `{used[slice_]}` are the same examples, `{slice_}`",
                ("data", "splits", name),
                label=f"the same as `{used[slice_]}`",
                help="results on examples that were trained on say nothing about new ones"
                if used[slice_] == "train"
                else "the test examples would have chosen the best epoch",
            )
        elif slice_ is not None:
            used[slice_] = name


def names_differ(config: Config) -> Iterator[Problem]:
    """No input has the name of a target."""
    for name in config.data.targets:
        if name in config.data.inputs:
            yield Problem(
                "contradiction",
                f"an input and a target are both called `{name}`",
                ("data", "targets", name),
                label="give one of them another name",
                help=f"with `field: {name}` it is still read from that field",
            )


def class_names_differ(config: Config) -> Iterator[Problem]:
    """Each class has its own name."""
    for name, target in config.data.targets.items():
        classes = getattr(target, "classes", None)
        if not isinstance(classes, list):
            continue
        seen: dict[str, int] = {}
        for number, class_name in enumerate(classes):
            if class_name in seen:
                yield Problem(
                    "contradiction",
                    f"the class `{class_name}` is listed twice",
                    ("data", "targets", name, "classes", number),
                    label=f"also item {seen[class_name]}",
                )
            seen.setdefault(class_name, number)


def one_way_to_keep_the_aspect(config: Config) -> Iterator[Problem]:
    """Resizing either crops or pads."""
    for name, given in config.data.inputs.items():
        for number, step in enumerate(given.preprocess):
            if isinstance(step, Resize) and step.crop_to_aspect_ratio and step.pad_to_aspect_ratio:
                yield Problem(
                    "contradiction",
                    "an image is either cropped or padded to keep its aspect ratio",
                    ("data", "inputs", name, "preprocess", number, "resize", "pad_to_aspect_ratio"),
                    label="remove one of the two",
                )


def builder_fits_inputs(config: Config) -> Iterator[Problem]:
    """A CNN reads an image; an RNN an image or a sequence; every builder of dlkit one input."""
    model, inputs = config.model, config.data.inputs
    if not type(model).__module__.startswith("dlkit.config.schema"):
        return
    if len(inputs) > 1:
        yield Problem(
            "contradiction",
            f"the {model.builder} builder takes one input, and there are {len(inputs)}",
            ("data", "inputs"),
            label=", ".join(inputs),
            help="a plug-in builder may take several",
        )
        return
    ((name, given),) = inputs.items()
    if isinstance(model, Cnn) and not isinstance(given, ImageInput):
        yield Problem(
            "contradiction",
            f"the cnn builder needs an image, and `{name}` is a {given.kind}",
            ("model", "builder"),
            label="write `mlp`" if given.kind == "number" else "write `rnn`",
            help=f"or change `data.inputs.{name}.kind`",
        )
    if isinstance(model, Rnn) and not isinstance(given, ImageInput | SequenceInput):
        yield Problem(
            "contradiction",
            f"the rnn builder needs a sequence or an image, and `{name}` is a {given.kind}",
            ("model", "builder"),
            label="write `mlp`",
            help=f"or change `data.inputs.{name}.kind`",
        )
