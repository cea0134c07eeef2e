"""outgoing webhooks and labels"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a007"
down_revision: str | Sequence[str] | None = "c1a1e0d0a006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table('label',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('colour', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('position', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_label')),
    sa.UniqueConstraint('name', name=op.f('uq_label_name'))
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table('label')
