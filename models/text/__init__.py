"""models/text."""
