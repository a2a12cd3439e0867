"""Answers of a running server on the terminal: tables for a person, JSON for a program."""
