"""Checks and reports on the veto: lint a rulebook, run the trap notes, and measure it on labelled calls."""
