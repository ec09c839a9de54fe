"""Codes of problems with data: sources, splits, shapes and values. Title, explanation, before, after."""

CODES: dict[str, tuple[str, str, str, str]] = {
    # Sources
    "no-source": (
        "no source of data",
        "`data.source` says where examples come from, unless arrays are given in Python.",
        "data: {inputs: ...}",
        "data: {source: {kind: tfds, name: mnist}, inputs: ...}",
    ),
    "unknown-source": (
        "a source that no plug-in adds",
        "A source that is not dlkit's own comes from a module in `plugins`.",
        "source: {kind: my_source}",
        "plugins: [my_module]",
    ),
    "unknown-dataset": (
        "a data set that the catalogue does not have",
        "Names are those of TensorFlow Datasets.",
        "source: {kind: tfds, name: mnst}",
        "source: {kind: tfds, name: mnist}",
    ),
    "not-prepared": (
        "a data set without a prepared copy",
        "There is none in `data_dir`, and downloading is switched off.",
        "download: false",
        "download: true",
    ),
    "no-network": (
        "no connection to download a data set",
        "Connect, or prepare the set on another machine and copy `data_dir`.",
        "source: {kind: tfds, name: cifar10}",
        "source: {kind: tfds, name: cifar10, data_dir: /data/tfds}",
    ),
    "download-failed": (
        "a data set that cannot be downloaded or prepared",
        "The message has the reason; a second attempt goes on where it can.",
        "source: {kind: tfds, name: imagenet2012}",
        "source: {kind: tfds, name: cifar10}",
    ),
    "plugin-source-failed": (
        "a plug-in source that fails",
        "It must return a dictionary from split to field to array.",
        "return x, y",
        'return {"train": {"x": x, "y": y}}',
    ),
    "given-data": (
        "data given in Python of a form that cannot be used",
        "Give a dictionary from split to (x, y) or to arrays by name, or to a tf.data.Dataset.",
        "train(config, data=x)",
        'train(config, data={"train": (x, y)})',
    ),
    "length-mismatch": (
        "fields of different lengths",
        "Every field has one row for each example.",
        "x: 100 rows, y: 99 rows",
        "x: 100 rows, y: 100 rows",
    ),
    "unknown-field": (
        "a field that the source does not have",
        "Inputs and targets are fields by name; `field` says another name.",
        "inputs: {picture: {kind: image}}",
        "inputs: {picture: {kind: image, field: image}}",
    ),
    "damaged-data": (
        "a file of a bundled data set is missing or damaged",
        "Its checksum is wrong; install dlkit again.",
        "a damaged installation",
        "pip install --force-reinstall dlkit-tf",
    ),
    "data-ended": (
        "an epoch with another number of examples than before",
        "Every epoch reads the data from the start. A tf.data.Dataset made of a one-shot generator is empty the second "
        "time, and one of a stated cardinality may give fewer or more examples than it promised.",
        "tf.data.Dataset.from_generator(lambda: iterator, ...)",
        "tf.data.Dataset.from_generator(make_iterator, ...)",
    ),
    "missing-file": (
        "there is no such data file",
        "A relative path starts at the folder of the configuration.",
        "source: {kind: npz, path: digts.npz}",
        "source: {kind: npz, path: digits.npz}",
    ),
    "not-npz": (
        "a file that is not an .npz file",
        "Save the arrays by name with numpy.savez.",
        'numpy.save("digits.npz", x)',
        'numpy.savez("digits.npz", x_train=x, y_train=y)',
    ),
    "npz-names": (
        "arrays that are missing in an .npz file",
        "Every field has an array `<field>_<split>` for every split.",
        "numpy.savez(path, x_train=x, y=y)",
        "numpy.savez(path, x_train=x, y_train=y)",
    ),
    # Splits
    "unknown-split": (
        "a split that the source does not have",
        "The help lists what it has.",
        "splits: {train: trian}",
        "splits: {train: train}",
    ),
    "bad-slice": (
        "a slice that cannot be read",
        "Slices are those of TensorFlow Datasets.",
        'train: "train[:90]%"',
        'train: "train[:90%]"',
    ),
    "slice-out-of-range": (
        "a slice beyond the examples",
        "Numbers stay within the size of the split, percentages within 100.",
        'train: "train[:120%]"',
        'train: "train[:90%]"',
    ),
    "empty-split": (
        "a split without examples",
        "The slice ends before it starts, or the split is empty.",
        'train: "train[50%:50%]"',
        'train: "train[:50%]"',
    ),
    "slice-needs-size": (
        "a slice of data whose size is not known",
        "Only the whole of a stream can be used.",
        'train: "train[:90%]"',
        "train: train",
    ),
    "overlapping-splits": (
        "examples that train and also validate or test",
        "Results on them say nothing about new examples.",
        'train: train\ntest: "train[90%:]"',
        'train: "train[:90%]"\ntest: "train[90%:]"',
    ),
    "no-validation": (
        "no validation split",
        "Without one the training loss chooses the best epoch.",
        "splits: {train: train}",
        'splits: {train: "train[:90%]", validation: "train[90%:]"}',
    ),
    # Shapes and values
    "shape-unknown": (
        "the shape of an input is not known",
        "State the shape of one example.",
        "inputs: {x: {kind: number}}",
        "inputs: {x: {kind: number, shape: [4]}}",
    ),
    "shape-mismatch": (
        "data of another shape than stated, or than the kind has",
        "Images are height, width, channels; sequences are steps, channels.",
        "inputs: {x: {kind: image, shape: [28]}}",
        "inputs: {x: {kind: image, shape: [28, 28, 1]}}",
    ),
    "field-type": (
        "a field of a type that cannot be used",
        "Inputs are real numbers.",
        "a field of strings",
        "the same field as numbers",
    ),
    "target-shape": (
        "a target of the wrong shape",
        "A class or a yes-or-no is one value for each example.",
        "labels of shape (100, 10)",
        "labels of shape (100,)",
    ),
    "classes-unknown": (
        "the number of classes is not known",
        "State it, or the names.",
        "targets: {y: {kind: category}}",
        "targets: {y: {kind: category, classes: 10}}",
    ),
    "classes-contradict": (
        "classes that contradict the source",
        "Leave them out, or write them as the source has them.",
        "classes: 5   # the source has 10",
        "classes: 10",
    ),
    "too-few-classes": (
        "fewer than two classes",
        "There is nothing to tell apart.",
        "classes found: [0]",
        "classes found: [0, 1]",
    ),
    "label-out-of-range": (
        "a label outside the classes",
        "Labels are integers from 0 to the number of classes less one.",
        "classes: 9   # labels reach 9",
        "classes: 10",
    ),
    "labels-not-integers": (
        "labels that are not whole numbers",
        "Classes are integers from 0.",
        "labels: [0.5, 1.0]",
        "labels: [0, 1]",
    ),
    "not-finite": (
        "data with NaN or infinite values",
        "One such value makes every weight NaN.",
        "x: [1.0, nan]",
        "x: [1.0, 0.0]",
    ),
}
