"""links, clicks and numbers that tell where people come from"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a009"
down_revision: str | Sequence[str] | None = "c1a1e0d0a0d1"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table('call_number',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('pool', sa.Text(), server_default=sa.text("'site'"), nullable=False),
    sa.Column('utm', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('lease_id', sa.UUID(), nullable=True),
    sa.Column('lent_until', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('archived_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.CheckConstraint("kind in ('static', 'pool')", name=op.f('ck_call_number_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_call_number')),
    sa.UniqueConstraint('number', name=op.f('uq_call_number_number'))
    )
    op.create_index('ix_call_number_free', 'call_number', ['pool', 'lent_until'], unique=False, postgresql_where=sa.text("kind = 'pool'"))
    op.create_table('tracked_link',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=True),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('manner', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('utm', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('clicks', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_click_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('created_by', sa.UUID(), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('archived_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_tracked_link_account_id')),
    sa.ForeignKeyConstraint(['created_by'], ['user_account.id'], name=op.f('fk_tracked_link_created_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tracked_link')),
    sa.UniqueConstraint('code', name=op.f('uq_tracked_link_code'))
    )
    op.create_index('ix_tracked_link_account_id', 'tracked_link', ['account_id'], unique=False)
    op.create_index('ix_tracked_link_address', 'tracked_link', ['address'], unique=False)
    op.create_index('ix_tracked_link_created_at', 'tracked_link', ['created_at', 'id'], unique=False)
    op.create_index('ix_tracked_link_created_by', 'tracked_link', ['created_by'], unique=False)
    op.create_table('link_click',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('link_id', sa.UUID(), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('keys', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('contact_id', sa.UUID(), nullable=True),
    sa.ForeignKeyConstraint(['contact_id'], ['contact.id'], name=op.f('fk_link_click_contact_id')),
    sa.ForeignKeyConstraint(['link_id'], ['tracked_link.id'], name=op.f('fk_link_click_link_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_link_click')),
    sa.UniqueConstraint('code', name=op.f('uq_link_click_code'))
    )
    op.create_index('ix_link_click_at', 'link_click', ['at'], unique=False)
    op.create_index('ix_link_click_contact_id', 'link_click', ['contact_id'], unique=False, postgresql_where=sa.text('contact_id is not null'))
    op.create_index('ix_link_click_link_id_at', 'link_click', ['link_id', 'at'], unique=False)
    op.create_table('number_lease',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('until', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('keys', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('link_id', sa.UUID(), nullable=True),
    sa.ForeignKeyConstraint(['link_id'], ['tracked_link.id'], name=op.f('fk_number_lease_link_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_number_lease'))
    )
    op.create_index('ix_number_lease_link_id', 'number_lease', ['link_id'], unique=False, postgresql_where=sa.text('link_id is not null'))
    op.create_index('ix_number_lease_number_until', 'number_lease', ['number', 'until'], unique=False)
    op.create_index('ix_number_lease_until', 'number_lease', ['until'], unique=False)
    op.add_column('lead', sa.Column('source_by_hand', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_index('ix_touch_origin', 'touch', ['source', 'medium', 'campaign'], unique=False)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index('ix_touch_origin', table_name='touch')
    op.drop_column('lead', 'source_by_hand')
    op.drop_table('number_lease')
    op.drop_table('link_click')
    op.drop_table('tracked_link')
    op.drop_table('call_number')
