"""what colleagues see"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c1a1e0d0a006"
down_revision: str | Sequence[str] | None = "c1a1e0d0a005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    # One statement, so that the check is looked at for the few colleagues there are and for nobody else.
    op.execute(
        "alter table user_account add column sees text not null default 'all'"
        " constraint ck_user_account_sees check (sees in ('all', 'team', 'own'))"
    )
    op.create_index("ix_audit_at", "audit", ["at", "id"])
    op.create_index("ix_audit_object_kind_at", "audit", ["object_kind", "at", "id"])
    op.create_index(
        "ix_conversation_team_unassigned",
        "conversation",
        ["team_id", "status", sa.text("last_message_at desc"), sa.text("id desc")],
        postgresql_where=sa.text("manager_id is null"),
    )
    for whose in ("manager", "team"):
        op.create_index(
            f"ix_conversation_{whose}_waiting",
            "conversation",
            [f"{whose}_id", "status", "waiting_since", "id"],
            postgresql_where=sa.text("waiting_since is not null"),
        )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("ix_conversation_team_waiting", "conversation")
    op.drop_index("ix_conversation_manager_waiting", "conversation")
    op.drop_index("ix_conversation_team_unassigned", "conversation")
    op.drop_index("ix_audit_object_kind_at", "audit")
    op.drop_index("ix_audit_at", "audit")
    op.drop_column("user_account", "sees")
