"""From source to store without loss: run, validate, write, tell observers."""
