"""Access control: keys, tokens, sessions, trusted hosts and rate limits."""
