"""Logs (one line a request), metrics and traces of the service; a note is in none of them."""
