"""The forms that `dlkit export` writes, a file each: its `ENDING`, and `export`."""
