"""pipelines/release."""
