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
    op.create_table('canned_reply',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('owner_id', sa.UUID(), nullable=True),
    sa.Column('team_id', sa.UUID(), nullable=True),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('uses', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('used_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('created_by', sa.UUID(), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('changed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('deleted_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.CheckConstraint('code = lower(code)', name=op.f('ck_canned_reply_code_lower')),
    sa.CheckConstraint('owner_id is null or team_id is null', name=op.f('ck_canned_reply_one_shelf')),
    sa.ForeignKeyConstraint(['owner_id'], ['user_account.id'], name=op.f('fk_canned_reply_owner_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_canned_reply_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_canned_reply'))
    )
    op.create_index('uq_canned_reply_all', 'canned_reply', ['code'], unique=True, postgresql_where=sa.text('owner_id is null and team_id is null and deleted_at is null'))
    op.create_index('uq_canned_reply_own', 'canned_reply', ['owner_id', 'code'], unique=True, postgresql_where=sa.text('owner_id is not null and deleted_at is null'))
    op.create_index('uq_canned_reply_team', 'canned_reply', ['team_id', 'code'], unique=True, postgresql_where=sa.text('team_id is not null and deleted_at is null'))
    op.create_table('macro',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('owner_id', sa.UUID(), nullable=True),
    sa.Column('team_id', sa.UUID(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('steps', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('position', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('uses', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('created_by', sa.UUID(), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('changed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('deleted_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.CheckConstraint('owner_id is null or team_id is null', name=op.f('ck_macro_one_shelf')),
    sa.ForeignKeyConstraint(['owner_id'], ['user_account.id'], name=op.f('fk_macro_owner_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_macro_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_macro'))
    )
    op.create_index('ix_macro_owner_id', 'macro', ['owner_id'], unique=False, postgresql_where=sa.text('owner_id is not null'))
    op.create_index('ix_macro_team_id', 'macro', ['team_id'], unique=False, postgresql_where=sa.text('team_id is not null'))
    op.create_table('macro_run',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('macro_id', sa.UUID(), nullable=False),
    sa.Column('conversation_id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=True),
    sa.Column('message_id', sa.UUID(), nullable=True),
    sa.Column('idempotency_key', sa.Text(), nullable=False),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('undone_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_macro_run_conversation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['macro_id'], ['macro.id'], name=op.f('fk_macro_run_macro_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_macro_run')),
    sa.UniqueConstraint('idempotency_key', name=op.f('uq_macro_run_idempotency_key'))
    )
    op.create_index('ix_macro_run_conversation_id', 'macro_run', ['conversation_id'], unique=False)
    op.create_index('ix_macro_run_macro_id', 'macro_run', ['macro_id'], unique=False)
    op.create_index('ix_macro_run_at', 'macro_run', ['at'], unique=False)
    op.add_column('draft', sa.Column('to_id', sa.UUID(), nullable=True))
    op.add_column('draft', sa.Column('reply_to', sa.UUID(), nullable=True))
    op.add_column('draft', sa.Column('files', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False))
    op.add_column('draft', sa.Column('writer', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column('draft', sa.Column('nth', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('user_account', sa.Column('send_key', sa.Text(), server_default=sa.text("'ctrl_enter'"), nullable=False))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_column('user_account', 'send_key')
    for column in ('nth', 'writer', 'files', 'reply_to', 'to_id'):
        op.drop_column('draft', column)
    op.drop_table('macro_run')
    op.drop_table('macro')
    op.drop_table('canned_reply')
    op.drop_table('mention')
