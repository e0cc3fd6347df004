"""pipelines/rules."""
