"""One file per system that is read."""
