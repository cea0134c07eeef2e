"""saved views and bulk actions"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a001"
down_revision: str | Sequence[str] | None = "b9010432bde1"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column('conversation', sa.Column('failed', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('conversation', sa.Column('failed_seen', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.drop_index('ix_conversation_contact_id', table_name='conversation')
    op.create_index('ix_conversation_contact_id', 'conversation', ['contact_id'], unique=False, postgresql_include=['id'])
    op.create_index('ix_conversation_labels', 'conversation', ['labels'], unique=False, postgresql_using='gin')
    op.create_index('ix_conversation_labelled', 'conversation', [sa.literal_column('last_message_at desc')], unique=False, postgresql_where=sa.text("labels <> '{}'"))
    op.create_index('ix_conversation_failed', 'conversation', [sa.literal_column('last_message_at desc'), sa.literal_column('id desc')], unique=False, postgresql_where=sa.text('failed > 0'))
    op.create_index('ix_conversation_status_unread', 'conversation', ['status', sa.literal_column('last_message_at desc'), sa.literal_column('id desc')], unique=False, postgresql_where=sa.text('unread > 0'))
    op.create_index('ix_message_failed_in', 'message', ['conversation_id', 'seq'], unique=False, postgresql_where=sa.text("state in ('failed', 'unknown')"))
    op.create_index('ix_lead_open_source', 'lead', [sa.literal_column("(last_touch ->> 'source')"), sa.literal_column('created_at desc')], unique=False, postgresql_where=sa.text("status = 'open'"))
    op.create_index('ix_identity_claim_value_trgm', 'identity_claim', ['value'], unique=False, postgresql_using='gin', postgresql_ops={'value': 'gin_trgm_ops'})
    op.create_table('saved_view',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('shared', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('position', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('deleted_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_saved_view_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_view'))
    )
    op.create_index('ix_saved_view_user_id', 'saved_view', ['user_id'], unique=False)
    op.create_index('ix_saved_view_shared', 'saved_view', ['position'], unique=False, postgresql_where=sa.text('shared'))
    op.create_table('bulk_action',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=True),
    sa.Column('what', sa.Text(), nullable=False),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('outcome', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('undone_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_bulk_action_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_action'))
    )
    op.create_index('ix_bulk_action_at', 'bulk_action', ['at'], unique=False)
    op.create_index('ix_bulk_action_user_id_at', 'bulk_action', ['user_id', 'at'], unique=False)
    # What failed before there was this count is known and old: only the last week's is brought up.
    op.execute(
        "update conversation c set failed = k.n from (select conversation_id, count(*) as n from message"
        " where state in ('failed', 'unknown') and direction = 'out' and sent_at > now() - interval '7 days'"
        " group by conversation_id) k where c.id = k.conversation_id"
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table('bulk_action')
    op.drop_table('saved_view')
    op.drop_index('ix_identity_claim_value_trgm', table_name='identity_claim')
    op.drop_index('ix_lead_open_source', table_name='lead')
    op.drop_index('ix_conversation_contact_id', table_name='conversation', postgresql_include=['id'])
    op.create_index('ix_conversation_contact_id', 'conversation', ['contact_id'], unique=False)
    op.drop_index('ix_message_failed_in', table_name='message')
    op.drop_index('ix_conversation_status_unread', table_name='conversation')
    op.drop_index('ix_conversation_failed', table_name='conversation')
    op.drop_index('ix_conversation_labelled', table_name='conversation')
    op.drop_index('ix_conversation_labels', table_name='conversation')
    op.drop_column('conversation', 'failed_seen')
    op.drop_column('conversation', 'failed')
