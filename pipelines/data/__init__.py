"""pipelines/data."""
