"""One file per venue: address, subscription, parsing and the venue's own sequence rule."""
