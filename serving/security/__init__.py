"""Who may ask, and how much: keys, tokens, sessions, trusted hosts and rate limits."""
