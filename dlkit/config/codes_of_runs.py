"""Codes of problems with devices, models and runs: title, explanation, before, after."""

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
    "model-does-not-run": (
        "a model that fails on the examples",
        "The message has the reason of Keras or TensorFlow. A model that dlkit saved, and that nobody changed, takes"
        " whatever fits its inputs.",
        "a model.keras that was changed by hand",
        "the model.keras of the run",
    ),
    "model-not-trusted": (
        "a model that names code of others",
        "The layers, losses and metrics of a model are Keras's own; a class of another module, a Lambda or a Python"
        " function would run its code.",
        "dlkit evaluate downloaded.keras",
        "dlkit evaluate downloaded.keras --trust   # after reading that code",
    ),
    "damaged-model": (
        "a model file that is not whole",
        "It was cut, changed, or made to need absurd amounts of memory. Take a copy, or train the run again.",
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
