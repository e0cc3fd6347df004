"""Incidents of a CAD system: their fields and notes, the decisions on them, and the changes sent back to CAD."""
