"""Put one Router behind HTTP."""
