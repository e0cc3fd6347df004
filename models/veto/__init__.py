"""models/veto."""
