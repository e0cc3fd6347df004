"""Hold one migration each."""
