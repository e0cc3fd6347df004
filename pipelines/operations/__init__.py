"""pipelines/operations."""
