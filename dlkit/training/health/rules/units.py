"""Units that do nothing any more, and predictions that are all the same."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.problems import Problem
from dlkit.training.health.rules import remedies
from dlkit.training.health.rules.context import SEVERAL, HealthContext, dead_layers, updates

# In a smaller batch many units are 0 for all examples and yet alive.
FEW_EXAMPLES = 8
# A look at one class alone says little of the first updates: 10 looks, and an epoch.
ONE_CLASS_LOOKS = 10
# Share of the labels that one class may have, so that predicting it alone is not simply right.
MOST_LABELS = 0.9


def dead_relu(case: HealthContext) -> Iterator[Problem]:
    """A layer most of whose units give 0 for every example, look after look."""
    looks = case.last()
    if not looks or case.config.data.batch_size < FEW_EXAMPLES:
        return
    found = [dead_layers(look) for look in looks]
    dead = {name: min(each[name] for each in found) for name in found[-1] if all(name in each for each in found)}
    worst = max(dead, key=dead.__getitem__, default=None)
    if worst is None:
        return
    others = [name for name in dead if name != worst]
    also = f", as in {', '.join(f'`{name}`' for name in others)}" if others else ""
    activation = remedies.activation(case, worst)
    yield Problem(
        "dead-relu",
        f"{dead[worst]:.0%} of the units of `{worst}` are dead: 0 for every example of the batch in {len(looks)} looks "
        f"({updates(looks)}){also}",
        key=("training", "optimizer", "learning_rate"),
        help="they have no gradient and do not come back; begin again with "
        + remedies.either(
            remedies.less_dropout(case.config),
            remedies.scaling(case.config),
            remedies.rate(case.config, 0.1),
            remedies.another_activation(case, worst, "leaky_relu") if activation else None,
            remedies.normalization(case, worst),
        ),
        severity="warning",
    )


def one_class(case: HealthContext) -> Iterator[Problem]:
    """Predictions that are all of one class, though the labels are of several."""
    looks = case.last(ONE_CLASS_LOOKS)
    if not looks or looks[-1].epoch < 2 or any(dead_layers(look) for look in looks[-SEVERAL:]):
        return
    for target in looks[-1].classes:
        shares = [look.classes[target] for look in looks]
        labels = sum(share for _, share in shares) / len(shares)
        if any(predicted < 1 for predicted, _ in shares) or labels > MOST_LABELS:
            continue
        yield Problem(
            "one-class",
            f"every prediction of `{target}` is the same class in {len(looks)} looks ({updates(looks)}), though the "
            f"most frequent class has only {labels:.0%} of the labels",
            key=("training", "optimizer"),
            help="see whether inputs and labels belong together (`dlkit check`); set "
            + (
                remedies.either(remedies.less_decay(case.config), remedies.scaling(case.config))
                or remedies.either(remedies.rate(case.config, 0.1), remedies.larger_model(case.config))
            ),
            severity="warning",
        )
        return
