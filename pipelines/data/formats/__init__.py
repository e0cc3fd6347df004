"""pipelines/data/formats."""
