"""The classifier: features of a reading, the fitted heads, their calibration, the operating point, and the bundle."""
