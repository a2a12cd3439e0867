"""One file per protocol that is accepted."""
