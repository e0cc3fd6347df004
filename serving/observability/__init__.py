"""What is seen of the service from outside: one log line a request, metrics and traces; never a note."""
