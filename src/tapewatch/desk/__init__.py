"""A paper desk: a system that tapewatch watches, with a simulated exchange, for the demo and the tests."""
