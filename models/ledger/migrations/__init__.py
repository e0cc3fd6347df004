"""Hold the migrations of the ledger."""
