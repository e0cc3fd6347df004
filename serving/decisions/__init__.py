"""The path of every decision: decide, write into the ledger, answer; and the answers while a note is typed."""
