"""saved reports, chosen columns, digests"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a011"
down_revision: str | Sequence[str] | None = "c1a1e0d0a009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column('saved_view', sa.Column('report', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_table('report_columns',
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('report', sa.Text(), nullable=False),
    sa.Column('columns', postgresql.ARRAY(sa.TEXT()), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_report_columns_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'report', name=op.f('pk_report_columns'))
    )
    op.create_table('digest',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('saved_view_id', sa.UUID(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('every', sa.Text(), nullable=False),
    sa.Column('on_day', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('hour', sa.Integer(), nullable=False),
    sa.Column('language', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('by_user', sa.UUID(), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('next_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('paused', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.CheckConstraint("every in ('day', 'week', 'month')", name=op.f('ck_digest_every')),
    sa.CheckConstraint('hour between 0 and 23', name=op.f('ck_digest_hour')),
    sa.CheckConstraint('on_day between 1 and 31', name=op.f('ck_digest_on_day')),
    sa.ForeignKeyConstraint(['saved_view_id'], ['saved_view.id'], name=op.f('fk_digest_saved_view_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_digest_account_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['by_user'], ['user_account.id'], name=op.f('fk_digest_by_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_digest'))
    )
    op.create_index('ix_digest_next_at', 'digest', ['next_at'], unique=False, postgresql_where=sa.text('not paused'))
    op.create_index('ix_digest_saved_view_id', 'digest', ['saved_view_id'], unique=False)
    op.create_index('ix_digest_account_id', 'digest', ['account_id'], unique=False)
    op.create_index('ix_digest_by_user', 'digest', ['by_user'], unique=False)
    op.create_table('digest_recipient',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('digest_id', sa.UUID(), nullable=False),
    sa.Column('address', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('stopped_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['digest_id'], ['digest.id'], name=op.f('fk_digest_recipient_digest_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_digest_recipient')),
    sa.UniqueConstraint('code', name=op.f('uq_digest_recipient_code'))
    )
    op.create_index('ix_digest_recipient_digest_id', 'digest_recipient', ['digest_id'], unique=False)
    op.create_table('digest_sending',
    sa.Column('recipient_id', sa.UUID(), nullable=False),
    sa.Column('due_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('again', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('error', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.CheckConstraint("state in ('sending', 'sent', 'failed')", name=op.f('ck_digest_sending_state')),
    sa.ForeignKeyConstraint(['recipient_id'], ['digest_recipient.id'], name=op.f('fk_digest_sending_recipient_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('recipient_id', 'due_at', name=op.f('pk_digest_sending'))
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table('digest_sending')
    op.drop_table('digest_recipient')
    op.drop_table('digest')
    op.drop_table('report_columns')
    op.drop_column('saved_view', 'report')
