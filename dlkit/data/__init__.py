"""The road from a source of examples to batches on the device."""
