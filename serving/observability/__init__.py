"""serving/observability."""
