"""saved views and bulk actions"""

from collections.abc import Sequence

from alembic import op

revision: str = "c1a1e0d0a001"
down_revision: str | Sequence[str] | None = "b9010432bde1"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
