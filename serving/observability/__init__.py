"""Logs (one line per request), metrics and traces of the service, without any part of a note."""
