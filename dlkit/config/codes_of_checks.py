"""Codes of what checks, evaluation and the verbs find: title, explanation, before, after."""

CODES: dict[str, tuple[str, str, str, str]] = {
    # The data, seen through one batch
    "input-scale": (
        "inputs on a scale that slows learning",
        "Networks learn best from values of about 1.",
        "preprocess: []",
        "preprocess: [rescale]",
    ),
    "input-not-finite": (
        "NaN or infinity after preprocessing",
        "One such value makes every weight NaN.",
        "preprocess: [{rescale: {scale: 1.0e+39}}]",
        "preprocess: [rescale]",
    ),
    "constant-input": (
        "an input that is always the same",
        "Nothing can be learnt from it; mostly the wrong field is read.",
        "column: version",
        "column: image",
    ),
    "constant-target": (
        "a target that is always the same",
        "Mostly the split is cut from sorted data.",
        'train: "train[:10%]"   # sorted by class',
        'train: "train[:90%]"',
    ),
    "class-without-examples": (
        "a class without training examples",
        "The model cannot learn it.",
        "classes: [cat, dog, yeti]",
        "classes: [cat, dog]",
    ),
    "no-test": (
        "no test split",
        "Nothing will tell how good the model is on examples that it was not chosen by.",
        "splits: {train: train}",
        "splits: {train: train, test: test}",
    ),
    "batch-larger-than-split": (
        "a batch larger than the training split",
        "An epoch is then a single update.",
        "batch_size: 4096   # of 100 examples",
        "batch_size: 16",
    ),
    "single-example-batch": (
        "a batch of one example under batch normalisation",
        "One example has no variance.",
        "batch_size: 1",
        "batch_size: 32",
    ),
    "spec-unknown": (
        "shapes or classes unknown without the data",
        "State them, or let the check read the data.",
        "inputs: {x: {kind: image}}",
        "inputs: {x: {kind: image, shape: [28, 28, 1]}}",
    ),
    "data-refused": (
        "a batch that TensorFlow refuses",
        "The message has its reason.",
        "labels beyond the classes",
        "classes: 10",
    ),
    # The model, seen through one batch
    "optimizer-refused": (
        "Keras refuses the optimizer",
        "The message has Keras's reason.",
        "an argument out of its range",
        "one within it",
    ),
    "nothing-to-train": (
        "a network without weights to train",
        "Every layer is fixed.",
        "a builder of fixed layers",
        "a builder with a dense layer",
    ),
    "output-width": (
        "a network of the wrong number of outputs",
        "A category needs one for each class.",
        "a head of 9 units for 10 classes",
        "a head of 10 units",
    ),
    "large-model": (
        "a model that may not fit the memory",
        "Training keeps weights, gradients, the optimizer's state and activations; a checkpoint copies them.",
        "dense: [1000000]",
        "dense: [1000]",
    ),
    "gradient-not-finite": (
        "a gradient of NaN or infinity",
        "The first update would spoil the weights.",
        "activation: exponential",
        "activation: relu",
    ),
    "disconnected-weights": (
        "weights that the loss does not depend on",
        "They would never be trained.",
        "a layer whose output is not used",
        "the layer taken out",
    ),
    "first-loss": (
        "a first loss that is worse than guessing",
        "Mostly the inputs are not scaled.",
        "preprocess: []",
        "preprocess: [rescale]",
    ),
    "probabilities-for-logits": (
        "a head that ends in probabilities",
        "The loss takes logits; dlkit adds the softmax to the saved model.",
        "a last layer with softmax",
        "a last layer without activation",
    ),
    "out-of-memory": (
        "the memory of the device is full",
        "Activations grow with the batch.",
        "batch_size: 4096",
        "batch_size: 64",
    ),
    # Evaluation and prediction
    "no-model-yet": (
        "a run that has no model yet",
        "It has not finished its first epoch, or failed before.",
        "dlkit evaluate runs/mine/latest",
        "dlkit train --resume latest",
    ),
    "no-such-split": (
        "a split that the configuration does not have",
        "The help lists those it has.",
        "--split tset",
        "--split test",
    ),
    "input-does-not-fit": (
        "data that the model does not take",
        "Give raw values of the shape it was trained on; the model scales them itself.",
        "images of 32 x 32",
        "images of 28 x 28",
    ),
    "classes-do-not-fit": (
        "other classes than the model's",
        "State the model's classes in its order.",
        "classes: [dog, cat]",
        "classes: [cat, dog]",
    ),
    "no-inputs": (
        "nothing to predict for",
        "Name files, or a split with `--data`.",
        "dlkit predict latest",
        "dlkit predict latest digit.png",
    ),
    "unusable-input": (
        "a file that cannot be predicted for",
        "The message has the reason.",
        "dlkit predict latest notes.docx",
        "dlkit predict latest digit.png",
    ),
    "bad-output": (
        "an output of an unknown kind or place",
        "The ending of the name says the format.",
        "--output out.xyz",
        "--output out.csv",
    ),
    "output-not-written": (
        "an output that cannot be written",
        "The message has the system's reason.",
        "--output /read-only/out.csv",
        "--output out.csv",
    ),
    "expectation-missed": (
        "a run that misses what its configuration expects",
        "`expects` says what a good run gives.",
        "test_accuracy 0.90",
        "test_accuracy 0.99",
    ),
    # The learning-rate range test
    "bad-range": (
        "a range of learning rates that cannot be tested",
        "The rate rises from a positive number to a larger one, in at least 10 steps.",
        "dlkit find-lr configs/a.yaml --from 1 --to 1e-6",
        "dlkit find-lr configs/a.yaml --from 1e-6 --to 1",
    ),
    "no-suggestion": (
        "a range test that suggests no learning rate",
        "The loss fell nowhere by more than its noise: mostly too few steps, or data from which nothing can be learnt.",
        "dlkit find-lr configs/a.yaml --steps 10",
        "dlkit find-lr configs/a.yaml --steps 300",
    ),
    "range-too-narrow": (
        "a range test that ends before its curve does",
        "The best rate may lie outside the rates that were tried.",
        "dlkit find-lr configs/a.yaml --to 1e-3",
        "dlkit find-lr configs/a.yaml --to 10",
    ),
    "no-matplotlib": (
        "no library to draw a picture with",
        "Pictures are drawn by matplotlib, which training does not need. The table is printed without it.",
        "pip install dlkit-tf",
        'pip install "dlkit-tf[notebook]"',
    ),
    # The command line
    "bad-command-line": (
        "an option or verb that dlkit does not have",
        "`dlkit --help` lists the verbs, `dlkit VERB --help` the options of one.",
        "dlkit train configs/mnist_cnn.yaml --epochs 3",
        "dlkit train configs/mnist_cnn.yaml training.epochs=3",
    ),
    "no-config": (
        "no configuration on the command line",
        "The first word is a YAML file.",
        "dlkit train training.epochs=3",
        "dlkit train configs/a.yaml training.epochs=3",
    ),
    "not-on-resume": (
        "an override that a resumed run cannot take",
        "A run goes on with its own configuration.",
        "dlkit train --resume latest model.dense=[8]",
        "dlkit train configs/a.yaml model.dense=[8]",
    ),
    "interrupted": (
        "a run that was asked to stop",
        "Ctrl-C or a termination signal ends training after the step under way; a checkpoint is saved first.",
        "^C",
        "dlkit train --resume latest",
    ),
    "unknown-code": (
        "a code that does not exist",
        "`dlkit explain-code` lists them.",
        "dlkit explain-code unknown-keys",
        "dlkit explain-code unknown-key",
    ),
}
