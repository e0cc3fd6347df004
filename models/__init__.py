"""Hold the library: what a call is, what a decision is, and how one becomes the other."""
