"""One script per number that we publish; `python -m bench` runs them all and keeps what they say in results.md."""
