"""The network that `dlkit init` proposes for the columns of a table."""

from __future__ import annotations

from dlkit.config.phrases import count
from dlkit.schema.guess import Recipe, batch_for, epochs_for

# Up to this many training rows are few, and from that many on they are many.
FEW_ROWS, MANY_ROWS = 2_000, 10_000


def table_recipe(rows: int) -> Recipe:
    """Dense layers, more of them for more rows."""
    batch = batch_for(rows) if rows < MANY_ROWS else 256
    if rows < FEW_ROWS:
        dense, dropout = [64], 0.2
        why = f"One small layer with dropout, since {count(rows, 'training row')} are few."
    elif rows < MANY_ROWS:
        dense, dropout = [128, 128], 0.1
        why = f"Two layers for {count(rows, 'training row')}."
    else:
        dense, dropout = [256, 256, 256], 0.1
        why = f"Three layers for {count(rows, 'training row')}."
    epochs = epochs_for(rows, batch, 2_000, 10, 100)
    optimizer = {"name": "adamw", "learning_rate": 0.002, "weight_decay": 0.01}
    model = {"builder": "mlp", "dense": dense, "dropout": dropout}
    training = {"optimizer": optimizer, "schedule": "cosine"}
    return Recipe(1.0, model, why, training, epochs, max(3, epochs // 4), batch)
