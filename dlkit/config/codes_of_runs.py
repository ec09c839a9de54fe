"""Codes of problems with data, models and runs: title, explanation, before, after."""

CODES: dict[str, tuple[str, str, str, str]] = {
    # Expectations
    "nothing-expected": (
        "nothing to verify",
        "`--verify` compares a run with what its configuration expects, and it expects nothing.",
        "dlkit train config.yaml --verify",
        'expects: {test_accuracy: ">= 0.9"}',
    ),
    # Callbacks and frozen layers
    "callback-failed": (
        "a callback raised an error",
        "The mistake is in the callback, or in its arguments. The checkpoints before it are whole: mend it and go on.",
        "def on_epoch_end(self, epoch, logs): self.best = min(logs['val_los'])",
        "dlkit train --resume RUN",
    ),
    "no-such-layer": (
        "frozen layers that are not there, or all of them",
        "`training.freeze` names layers; `*` stands for any characters. At least one layer has to be left to train.",
        'freeze: ["convolution_*"]',
        'freeze: ["conv_*"]',
    ),
    "nothing-to-replay": (
        "no batch to replay",
        "A run keeps the batch that made its loss or a weight NaN or infinite; this one met none.",
        "dlkit train --replay latest",
        "dlkit train --resume latest",
    ),
    # Schedules
    "schedule-is-over": (
        "more epochs for a schedule that has ended",
        "A run keeps the schedule it began with; a cosine that has come down to 0 learns nothing in more epochs.",
        "dlkit train --resume RUN training.epochs=20",
        "training: {epochs: 10, init_from: runs/mnist_cnn/latest}",
    ),
    "input-rank": (
        "an input whose number of axes does not fit the builder",
        "A CNN takes images of height, width and channels; an RNN takes sequences of steps and channels, or images.",
        "dlkit.cnn(input_shape=(28, 28), classes=10)",
        "dlkit.cnn(input_shape=(28, 28, 1), classes=10)",
    ),
    # Devices
    "no-such-device": (
        "devices that are not there",
        "`runtime.devices` asks for more than TensorFlow sees.",
        "runtime: {devices: gpu:2}",
        "runtime: {devices: cpu:2}",
    ),
    "devices-too-late": (
        "devices asked for after TensorFlow has started",
        "Logical devices can be made only before the first operation of a process.",
        "tf.constant(1); dlkit.train(config, {'runtime.devices': 'cpu:2'})",
        "dlkit.train(config, {'runtime.devices': 'cpu:2'})",
    ),
    "not-on-this-device": (
        "an operation that this device or compiler does not have",
        "XLA has no deterministic gradient of max-pooling, among others.",
        "runtime: {compile: xla}",
        "runtime: {compile: auto}",
    ),
    # Keras and plug-ins
    "refused-by-keras": (
        "arguments that Keras does not take",
        "The name and its arguments exist, but Keras refuses their values; the message has its reason.",
        "metrics: [{name: precision, thresholds: 7}]",
        "metrics: [{name: precision, thresholds: 0.7}]",
    ),
    "plugin-raised": (
        "a plug-in's function raised an error",
        "The mistake is in the plug-in, not in the configuration. `--debug` shows the line.",
        "def my_builder(inputs): return inputs[0]",
        "def my_builder(inputs): return next(iter(inputs.values()))",
    ),
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
    # Models
    "window-too-large": (
        "a window that is larger than the feature map",
        "Valid padding and pooling shrink the map with every block.",
        "kernel_size: 5   # on a map of 3 x 3",
        "kernel_size: 3",
    ),
    "model-does-not-build": (
        "Keras refuses the model",
        "The message has Keras's reason.",
        "a builder that returns no tensor",
        "a builder that returns features",
    ),
    "no-such-model": (
        "there is no such model file",
        "Give a run's folder, or a model.keras.",
        "dlkit export runs/x",
        "dlkit export runs/x/latest",
    ),
    "not-a-dlkit-model": (
        "a model that dlkit did not save",
        "It does not say what its inputs and classes are; Keras itself opens it.",
        "dlkit evaluate other.keras",
        'keras.saving.load_model("other.keras")',
    ),
    "damaged-model": (
        "a model file that is not whole",
        "Take a copy, or train the run again.",
        "a truncated model.keras",
        "a whole one",
    ),
    # Runs
    "no-such-run": (
        "there is no such run",
        "A run is named by its folder, its name, or `latest`.",
        "dlkit train --resume lates",
        "dlkit train --resume latest",
    ),
    "damaged-run": (
        "a run's folder with a file that cannot be read",
        "A file of the run is missing or was changed; take a copy, or train again.",
        "an edited state.json",
        "the file as dlkit wrote it",
    ),
    "run-is-locked": (
        "another process writes this run",
        "Two writers would spoil it. The lock frees itself when that process ends.",
        "two times dlkit train --resume latest",
        "one",
    ),
    "run-folder-not-made": (
        "the folder of the run cannot be made",
        "The message has the system's reason.",
        "--runs /read-only",
        "--runs ~/runs",
    ),
    "checkpoint-not-written": (
        "a checkpoint could not be written",
        "Mostly the disk is full. The checkpoint before it is whole.",
        "a full disk",
        "free space, then --resume latest",
    ),
    "no-weights-taken": (
        "no weights of the other run fit",
        "Layers are compared in order; one is taken where all its shapes agree.",
        "training: {init_from: my_rnn}   # the model is a CNN",
        "training: {init_from: my_cnn}",
    ),
    "no-weights-yet": (
        "a run without a checkpoint",
        "Weights are there once its first epoch has ended.",
        "training: {init_from: latest}   # it has just begun",
        "training: {init_from: mnist_cnn}",
    ),
    "file-not-written": (
        "a file of the run could not be written",
        "Mostly the disk is full. Checkpoints are whole, and the run goes on from the newest.",
        "a full disk",
        "free space, then --resume latest",
    ),
    "checkpoint-skipped": (
        "a damaged checkpoint was passed over",
        "The one before it was taken.",
        "a damaged checkpoint",
        "nothing to do",
    ),
    "damaged-checkpoint": (
        "a checkpoint that cannot be read",
        "No whole one before it is left.",
        "--resume latest",
        "train the run again",
    ),
    "checkpoint-of-another-run": (
        "a checkpoint that belongs to other settings",
        "Resume with the configuration that the run keeps.",
        "a changed config.yaml",
        "the run's own config.yaml",
    ),
    "no-such-column": (
        "the monitored figure is not in the history",
        "It must be one of the history's columns.",
        "monitor: val_acc",
        "monitor: val_accuracy",
    ),
    "loss-not-finite": (
        "the loss became NaN or infinite",
        "Mostly the learning rate is too high, or the data is not scaled.",
        "learning_rate: 10",
        "learning_rate: 0.001",
    ),
}
