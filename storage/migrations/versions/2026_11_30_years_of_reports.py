"""sums of landing pages; ways of leads and stays, counted by month"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c1a1e0d0a012"
down_revision: str | Sequence[str] | None = "c1a1e0d0a011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table('rollup_landing',
    sa.Column('model', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('origin_id', sa.BigInteger(), nullable=False),
    sa.Column('landing', sa.Text(), nullable=False),
    sa.Column('inquiries', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('leads', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('responded', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('response_seconds', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('qualified', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('won', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('lost', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('new_customers', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('revenue', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('cycle_minutes', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('event_qualified', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('event_won', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('event_lost', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('event_new_customers', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('event_revenue', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('event_cycle_minutes', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('model', 'day', 'origin_id', 'landing', name=op.f('pk_rollup_landing'))
    )
    op.create_table('rollup_stay',
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('stage_id', sa.UUID(), nullable=False),
    sa.Column('length', sa.Integer(), nullable=False),
    sa.Column('n', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('month', 'stage_id', 'length', name=op.f('pk_rollup_stay'))
    )
    op.create_table('rollup_way_origin',
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('pipeline_id', sa.UUID(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('furthest_id', sa.UUID(), nullable=False),
    sa.Column('at_id', sa.UUID(), nullable=False),
    sa.Column('origin_id', sa.BigInteger(), nullable=False),
    sa.Column('n', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('month', 'pipeline_id', 'status', 'furthest_id', 'at_id', 'origin_id', name=op.f('pk_rollup_way_origin'))
    )
    op.create_table('rollup_way_owner',
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('pipeline_id', sa.UUID(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('furthest_id', sa.UUID(), nullable=False),
    sa.Column('at_id', sa.UUID(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('manager_id', sa.UUID(), nullable=False),
    sa.Column('n', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('month', 'pipeline_id', 'status', 'furthest_id', 'at_id', 'account_id', 'manager_id', name=op.f('pk_rollup_way_owner'))
    )
    # What the recorder makes is made anew in the background, the new sums with the old: each is kept by what changes.
    op.execute("truncate fact_credit, fact_stage, fact_lead, fact_call, rollup_origin, rollup_owner, rollup_month")
    op.execute("delete from setting where name = 'reports_counted_by'")
    op.create_index('ix_fact_credit_without_rate', 'fact_credit', ['created_on', 'closed_on', 'subject_id'], unique=False, postgresql_where=sa.text("status = 'won' and money is null"))
    op.create_index('ix_response_first', 'response', ['user_id', 'working_seconds', 'at'], unique=False, postgresql_where=sa.text('first'))
    op.create_index('ix_fact_stage_length', 'fact_stage', ['stage_id', 'length', 'seconds'], unique=False, postgresql_include=['created_on', 'origin_id', 'account_id', 'manager_id'], postgresql_where=sa.text('length is not null'))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index('ix_fact_stage_length', table_name='fact_stage')
    op.drop_index('ix_response_first', table_name='response')
    op.drop_index('ix_fact_credit_without_rate', table_name='fact_credit')
    op.drop_table('rollup_way_owner')
    op.drop_table('rollup_way_origin')
    op.drop_table('rollup_stay')
    op.drop_table('rollup_landing')
