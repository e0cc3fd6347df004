"""serving/security."""
