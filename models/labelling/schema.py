"""The tables of labels: one project in each database, its calls in their order, leases, and answers that only add up."""

import sqlalchemy as sa

from models.common.instants import WIDTH

FORMAT = 1
metadata = sa.MetaData()

project = sa.Table(
    "label_project",
    metadata,
    sa.Column("format", sa.Integer, nullable=False),
    sa.Column("created_at", sa.String(WIDTH), nullable=False),
    sa.Column("guide", sa.Text, nullable=False),
    sa.Column("pool", sa.Integer, nullable=False),
    sa.Column("random_share", sa.Float, nullable=False),
    sa.Column("double_share", sa.Float, nullable=False),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("model_version", sa.String(100), nullable=False),
)

items = sa.Table(
    "label_items",
    metadata,
    sa.Column("item_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("needed", sa.Integer, nullable=False),
    sa.Column("drawn_by", sa.String(40), nullable=False),
    sa.Column("random_rank", sa.Integer),
    sa.Column("task", sa.LargeBinary, nullable=False),
)
"""The calls in the order in which they are labelled, encrypted; `needed` is how many people label each."""

leases = sa.Table(
    "label_leases",
    metadata,
    sa.Column("item_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("person", sa.String(200), primary_key=True),
    sa.Column("until", sa.String(WIDTH), nullable=False),
)
"""Who has which call before them."""

answers = sa.Table(
    "label_answers",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("item_id", sa.Integer, nullable=False),
    sa.Column("person", sa.String(200), nullable=False),
    sa.Column("adjudication", sa.Boolean, nullable=False),
    sa.Column("at", sa.String(WIDTH), nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("eligible", sa.Boolean),
    sa.Column("weapon", sa.Boolean, nullable=False),
    sa.Column("violence", sa.Boolean, nullable=False),
    sa.Column("medical", sa.Boolean, nullable=False),
    sa.Column("self_harm", sa.Boolean, nullable=False),
    sa.Column("call_type", sa.String(200)),
)
"""Answers as they were given; of one person's answers to a call the last counts."""
sa.Index("label_answers_by_item", answers.c.item_id)
