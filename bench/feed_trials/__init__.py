"""Faults made on feeds, in recordings and on virtual time, and how soon they are found."""
