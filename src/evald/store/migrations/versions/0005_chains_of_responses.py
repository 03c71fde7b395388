"""Responses keep what was sent with them alone, and name the one that they go on from.

Until now one that went on from another kept the whole past before what was sent. Where the other is
still there, that past is cut off: it is joined when it is read. Where it is not, nothing tells what was
said before from what was sent; such a response stays as it is and names no other.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_RESPONSES = sa.table(
    "stored_responses",
    *(sa.column(name) for name in ("seq", "project_id", "id", "previous_id", "body", "input")),
)
_COLUMNS = (
    *("seq", "project_id", "id", "created_at", "previous_id", "size"),
    *("instructions", "body", "input"),
)


def upgrade() -> None:
    """Add the columns, cut off each past, and create the table of what was deleted."""
    table = "stored_responses"
    op.add_column(table, sa.Column("previous_id", sa.Text(), nullable=True))
    op.add_column(table, sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"))
    _cut_off_all_pasts(op.get_bind())
    op.execute("UPDATE stored_responses SET size = length(body) + length(input)")
    with op.batch_alter_table(
        table, table_kwargs={"sqlite_autoincrement": True}, partial_reordering=[_COLUMNS]
    ) as batch:
        batch.alter_column(
            "size", existing_type=sa.BigInteger(), existing_nullable=False, server_default=None
        )
    op.create_table(
        "deleted_responses",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_deleted_responses_project_id")
        ),
        sa.PrimaryKeyConstraint("id", "project_id", name=op.f("pk_deleted_responses")),
    )


def _cut_off_all_pasts(connection: sa.Connection) -> None:
    table = _RESPONSES.c
    names_another = table.body.like('%"previous_response_id":"%')
    # The last one first: the one that it goes on from still has its own past then.
    seqs = connection.scalars(sa.select(table.seq).where(names_another).order_by(table.seq.desc()))
    for seq in seqs.all():
        _cut_off_past(connection, seq)


def _cut_off_past(connection: sa.Connection, seq: int) -> None:
    table = _RESPONSES.c
    itself = connection.execute(
        sa.select(table.project_id, table.body, table.input).where(table.seq == seq)
    ).one()
    previous_id = json.loads(itself.body).get("previous_response_id")
    if not isinstance(previous_id, str):
        return
    previous = connection.execute(
        sa.select(table.input, table.body).where(
            table.project_id == itself.project_id, table.id == previous_id, table.seq < seq
        )
    ).one_or_none()
    if previous is None:
        return
    past, items = _past_of(previous), json.loads(itself.input)
    if items[: len(past)] == past:
        sent = json.dumps(items[len(past) :], ensure_ascii=False, separators=(",", ":"))
        changed = sa.update(_RESPONSES).where(table.seq == seq)
        connection.execute(changed.values(previous_id=previous_id, input=sent))


def _past_of(previous: Any) -> list[Any]:
    said = [each for each in json.loads(previous.body)["output"] if isinstance(each, dict)]
    return [
        *json.loads(previous.input),
        *(each for each in said if each.get("type") != "reasoning"),
    ]
