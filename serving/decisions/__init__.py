"""serving/decisions."""
