"""The forms that `dlkit export` writes, a file each: `write(loaded, output, ...)`."""
