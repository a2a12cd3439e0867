"""Asking: plan, run, judge, answer."""
