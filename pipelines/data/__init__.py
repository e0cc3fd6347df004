"""Calls from files: readers of what agencies send, column maps, the contract of a call, splits and de-identification.

The ways in are `pipelines.data.ingest.ingest_file` (an export becomes a table that keeps the contract),
`pipelines.data.table.read_table` (a labelled table becomes calls) and `pipelines.data.readers.records` (rows as they stand).
Nothing is imported here, because each of them loads libraries that the others do without.
"""
