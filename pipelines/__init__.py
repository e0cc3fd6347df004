"""How a model is made, measured and released, and how history is scored.

>>> from pipelines.data.table import read_table
>>> table = read_table("data/sample.csv")
>>> len(table.calls) == len(table.labels)
True

`pipelines.training.train` makes a candidate of such a table, and `pipelines.evaluation.report` measures a model on one.
"""
