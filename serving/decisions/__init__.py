"""The path of every decision: score, write into the ledger, answer; and the note as it is typed."""
