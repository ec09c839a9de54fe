"""The loop, and what it needs: schedules, optimizers, randomness, checkpoints."""
