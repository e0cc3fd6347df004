"""Make, judge and release models, and score history."""
