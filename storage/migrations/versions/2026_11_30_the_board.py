"""what the leads board needs"""

from collections.abc import Sequence

from alembic import op

revision: str = "c1a1e0d0a003"
down_revision: str | Sequence[str] | None = "c1a1e0d0a002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
