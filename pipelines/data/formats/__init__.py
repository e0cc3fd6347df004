"""Forms in which calls come: delimited text, JSON, tables, text logs, EIDO documents, and the notes of CAD systems."""
