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
    op.create_table('label_change',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('old', sa.Text(), nullable=False),
    sa.Column('new', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('colour', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('position', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('touched', postgresql.ARRAY(sa.UUID()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('done_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_label_change'))
    )
    op.create_table('webhook',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('events', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('earlier_secret_until', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('state', sa.Text(), server_default=sa.text("'active'"), nullable=False),
    sa.Column('stopped_because', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('failing_since', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('created_by', sa.UUID(), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.CheckConstraint("state in ('active', 'paused', 'stopped')", name=op.f('ck_webhook_state')),
    sa.ForeignKeyConstraint(['created_by'], ['user_account.id'], name=op.f('fk_webhook_created_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook'))
    )
    op.create_table('webhook_delivery',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('webhook_id', sa.UUID(), nullable=False),
    sa.Column('fact_id', sa.UUID(), nullable=False),
    sa.Column('event', sa.Text(), nullable=False),
    sa.Column('fact', sa.LargeBinary(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('state', sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('next_attempt_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('claimed_until', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('response', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('error', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('tried_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('settled_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.CheckConstraint("state in ('waiting', 'delivered', 'failed')", name=op.f('ck_webhook_delivery_state')),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhook.id'], name=op.f('fk_webhook_delivery_webhook_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_delivery'))
    )
    op.create_index('uq_webhook_delivery_fact', 'webhook_delivery', ['webhook_id', 'fact_id'], unique=True)
    op.create_index('ix_webhook_delivery_due', 'webhook_delivery', ['webhook_id', 'next_attempt_at', 'id'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_index('ix_webhook_delivery_log', 'webhook_delivery', ['webhook_id', 'id'], unique=False)
    op.create_index('ix_webhook_delivery_settled_at', 'webhook_delivery', ['settled_at'], unique=False, postgresql_where=sa.text("settled_at is not null"))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table('webhook_delivery')
    op.drop_table('webhook')
    op.drop_table('label_change')
    op.drop_table('label')
