"""The migrations of the ledger, one file each."""
