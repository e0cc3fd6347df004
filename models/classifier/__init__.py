"""models/classifier."""
