"""pipelines/corpus."""
