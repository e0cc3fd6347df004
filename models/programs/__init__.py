"""models/programs."""
