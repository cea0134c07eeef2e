"""what the leads board needs"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a003"
down_revision: str | Sequence[str] | None = "c1a1e0d0a002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column(
        "pipeline",
        sa.Column(
            "lost_reasons", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
    )
    op.add_column("stage", sa.Column("norm_days", sa.Integer(), nullable=True))
    op.add_column("stage", sa.Column("probability", sa.Integer(), nullable=True))
    op.add_column(
        "stage", sa.Column("task_text", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.add_column(
        "stage", sa.Column("task_minutes", sa.Integer(), server_default=sa.text("60"), nullable=False)
    )
    op.add_column(
        "lead", sa.Column("lost_details", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.alter_column("lead", "position", server_default=sa.text("extract(epoch from now())"))
    op.drop_index("ix_lead_pipeline_id_stage_id_position", table_name="lead")
    op.create_index(
        "ix_lead_board",
        "lead",
        ["stage_id", "position", "id"],
        postgresql_include=["value"],
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_lead_board_closed",
        "lead",
        ["stage_id", "closed_at", "id"],
        postgresql_include=["value"],
        postgresql_where=sa.text("status in ('won', 'lost')"),
    )
    op.create_index("ix_lead_pipeline_created", "lead", ["pipeline_id", "created_at", "id"])
    op.create_index("ix_lead_pipeline_aged", "lead", ["pipeline_id", "stage_since", "id"])
    op.create_index(
        "ix_lead_pipeline_worth",
        "lead",
        ["pipeline_id", sa.literal_column("coalesce(value, -1)").label("worth"), "id"],
    )
    op.create_index(
        "ix_lead_source", "lead", [sa.literal_column("(last_touch ->> 'source')").label("source")]
    )
    op.create_index(
        "ix_lead_title_trgm",
        "lead",
        [sa.literal_column("lower(title)").label("folded_title")],
        postgresql_using="gin",
        postgresql_ops={"folded_title": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_task_open_of_leads",
        "task",
        ["lead_id"],
        postgresql_where=sa.text("done_at is null and lead_id is not null"),
    )
    op.create_index(
        "ix_task_due_of_leads",
        "task",
        ["due_at", "lead_id"],
        postgresql_where=sa.text("done_at is null and lead_id is not null"),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("ix_task_due_of_leads", table_name="task")
    op.drop_index("ix_task_open_of_leads", table_name="task")
    for name in ("title_trgm", "source", "pipeline_worth", "pipeline_aged", "pipeline_created"):
        op.drop_index(f"ix_lead_{name}", table_name="lead")
    op.drop_index("ix_lead_board_closed", table_name="lead")
    op.create_index(
        "ix_lead_pipeline_id_stage_id_position", "lead", ["pipeline_id", "stage_id", "position"]
    )
    op.drop_index("ix_lead_board", table_name="lead")
    op.alter_column("lead", "position", server_default=sa.text("0"))
    op.drop_column("lead", "lost_details")
    for name in ("task_minutes", "task_text", "probability", "norm_days"):
        op.drop_column("stage", name)
    op.drop_column("pipeline", "lost_reasons")
