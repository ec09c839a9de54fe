"""Codes of what the looks at a run find, as it trains: title, explanation, before, after. See docs/diagnosis.md."""

CODES: dict[str, tuple[str, str, str, str]] = {
    "vanishing-gradients": (
        "gradients that vanish on their way to the first layers",
        "Each sigmoid or tanh makes them smaller; the first layers then hardly learn, and the loss stays where it was.",
        "model: {builder: mlp, dense: [32, 32, 32, 32, 32, 32, 32, 32], activation: sigmoid}",
        "model: {builder: mlp, dense: [32, 32, 32, 32, 32, 32, 32, 32], activation: relu}",
    ),
    "exploding-gradients": (
        "gradients that grow by orders of magnitude",
        "Over the run, or from the last layer to the first. The next updates throw the weights far away, and soon the "
        "loss is no longer a number.",
        "training: {optimizer: {name: sgd, learning_rate: 0.3}}",
        "training: {optimizer: {name: sgd, learning_rate: 0.03, global_clipnorm: 1.0}}",
    ),
    "dead-relu": (
        "a layer most of whose units are dead",
        "They give 0 for every example, so that they have no gradient and stay as they are. Mostly an update was too "
        "large.",
        "training: {optimizer: {name: sgd, learning_rate: 3.0}}",
        "training: {optimizer: {name: sgd, learning_rate: 0.1}}",
    ),
    "one-class": (
        "predictions that are all of one class",
        "The network has learnt how frequent the classes are and nothing of the inputs: they reach it as almost the "
        "same values, or do not belong to the labels.",
        "preprocess: [{rescale: {scale: 1.0e-9}}]",
        "preprocess: [rescale]",
    ),
    "rate-too-high": (
        "a learning rate that is too high",
        "An update should change the weights by about a thousandth of their norm; much larger ones undo each other.",
        "training: {optimizer: {name: adam, learning_rate: 0.1}}",
        "training: {optimizer: {name: adam, learning_rate: 0.001}}",
    ),
    "rate-too-low": (
        "a learning rate that is too low",
        "The weights hardly move, though there is much to learn.",
        "training: {optimizer: {name: adam, learning_rate: 1.0e-6}}",
        "training: {optimizer: {name: adam, learning_rate: 1.0e-3}}",
    ),
    "loss-spike": (
        "a loss that jumped",
        "Mostly a few examples have wrong labels or extreme values, and one such batch can undo much of what was "
        "learnt.",
        "training: {optimizer: adam}",
        "training: {optimizer: {name: adam, global_clipnorm: 1.0}}",
    ),
    "over-fitting": (
        "a validation loss that rises while the training loss falls",
        "The model learns its training examples by heart. The best epoch is kept in any case; what helps is less to "
        "learn with, or more to learn from.",
        "training: {epochs: 100}",
        "training: {epochs: 100, early_stopping: {patience: 3}}",
    ),
    "under-fitting": (
        "a model that learns next to nothing",
        "Its training loss is that of the same answer to every example, and no other finding says why.",
        "model: {builder: mlp, dense: [2]}",
        "model: {builder: mlp, dense: [128]}",
    ),
    "plateau": (
        "a figure that has not improved for many epochs",
        "More epochs at this learning rate are of no use.",
        "training: {epochs: 100}",
        "training: {epochs: 100, early_stopping: {patience: 3}, schedule: cosine}",
    ),
    "input-bound": (
        "training that waits for its data",
        "Reading and preparing the examples takes longer than learning from them.",
        "dataset.map(decode)",
        "dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE).cache()",
    ),
}
