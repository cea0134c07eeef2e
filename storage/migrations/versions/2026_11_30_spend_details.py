"""what a row of spend was said with, and what has become of an import"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a0d1"
down_revision: str | Sequence[str] | None = "c1a1e0d0b001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for name in ("source", "medium", "campaign", "campaign_id"):
        op.add_column("spend", sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("spend", sa.Column("vat_included", sa.Boolean(), nullable=True))
    op.create_index("ix_spend_ad_account_id_day", "spend", ["ad_account_id", "day"], postgresql_include=["counted"])
    op.create_index(
        "ix_spend_uncounted", "spend", ["currency", "day"], postgresql_where=sa.text("counted is null")
    )
    for name in ("standing", "replaced"):
        op.add_column("spend_import", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "spend_import",
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for name in ("problems", "replaced", "standing"):
        op.drop_column("spend_import", name)
    op.drop_index("ix_spend_uncounted", "spend")
    op.drop_index("ix_spend_ad_account_id_day", "spend")
    for name in ("vat_included", "campaign_id", "campaign", "medium", "source"):
        op.drop_column("spend", name)
