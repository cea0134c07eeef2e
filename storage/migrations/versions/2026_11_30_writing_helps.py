"""canned replies, macros, mentions"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a002"
down_revision: str | Sequence[str] | None = "c1a1e0d0a001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table('mention',
    sa.Column('message_id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('conversation_id', sa.UUID(), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('seen_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_mention_conversation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_mention_message_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_mention_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('message_id', 'user_id', name=op.f('pk_mention'))
    )
    op.create_index('ix_mention_conversation_id', 'mention', ['conversation_id'], unique=False)
    op.create_index('ix_mention_unseen', 'mention', ['user_id', 'conversation_id'], unique=False, postgresql_where=sa.text('seen_at is null'))
    op.create_index('ix_mention_user_id', 'mention', ['user_id', sa.literal_column('at desc')], unique=False)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table('mention')
