"""Writes what a feed collector receives to files that can be played again: beside the stream, bounded, without secrets.

`recording` and `discretion` are read by everybody who reads settings; what writes is imported by the process that records.
"""
