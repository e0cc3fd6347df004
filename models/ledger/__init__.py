"""models/ledger."""
