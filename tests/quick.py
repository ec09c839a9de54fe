"""What tests leave out of a run where it is not what they are about."""

from __future__ import annotations

# Settings of `training`: looks at health, simple models beside the network, and the picture of the first examples.
ALONE = {"health": "off", "baselines": "off", "first_batch": "off"}
