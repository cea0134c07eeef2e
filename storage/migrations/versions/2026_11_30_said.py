"""how people say they heard of us"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c1a1e0d0a013"
down_revision: str | Sequence[str] | None = "c1a1e0d0a012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column('fact_credit', sa.Column('said', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_table('rollup_said',
    sa.Column('model', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('said', sa.Text(), nullable=False),
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
    sa.PrimaryKeyConstraint('model', 'day', 'said', name=op.f('pk_rollup_said'))
    )
    # Nobody has been asked yet: the sums of a day are those of all its origins.
    op.execute(
        """
        insert into rollup_said (model, day, said, inquiries, leads, responded, response_seconds, qualified, won, lost, new_customers, revenue,
            cycle_minutes, event_qualified, event_won, event_lost, event_new_customers, event_revenue,
            event_cycle_minutes)
        select model, day, '', sum(inquiries), sum(leads), sum(responded), sum(response_seconds), sum(qualified), sum(won),
            sum(lost), sum(new_customers), sum(revenue), sum(cycle_minutes), sum(event_qualified),
            sum(event_won), sum(event_lost), sum(event_new_customers), sum(event_revenue),
            sum(event_cycle_minutes)
        from rollup_origin group by model, day
        """
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table('rollup_said')
    op.drop_column('fact_credit', 'said')
