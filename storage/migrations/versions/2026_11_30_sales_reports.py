"""what the reports of sales, managers and calls count from"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a010"
down_revision: str | Sequence[str] | None = "c1a1e0d0a008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table('fact_call',
    sa.Column('call_id', sa.UUID(), nullable=False),
    sa.Column('started_on', sa.Date(), nullable=False),
    sa.Column('started_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('weekday', sa.Integer(), nullable=False),
    sa.Column('hour', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.UUID(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('channel', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('number', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('manager_id', sa.UUID(), nullable=False),
    sa.Column('direction', sa.Text(), nullable=False),
    sa.Column('answered', sa.Boolean(), nullable=False),
    sa.Column('missed', sa.Boolean(), nullable=False),
    sa.Column('abandoned', sa.Boolean(), nullable=False),
    sa.Column('talk_seconds', sa.Integer(), nullable=False),
    sa.Column('wait_seconds', sa.Integer(), nullable=False),
    sa.CheckConstraint("direction in ('in', 'out')", name=op.f('ck_fact_call_direction')),
    sa.PrimaryKeyConstraint('call_id', 'started_on', name=op.f('pk_fact_call'))
    )
    op.create_index('ix_fact_call_contact_id', 'fact_call', ['contact_id'], unique=False)
    op.create_index('ix_fact_call_manager_id', 'fact_call', ['manager_id', 'started_at', 'call_id'], unique=False)
    op.create_index('ix_fact_call_started_at', 'fact_call', ['started_at', 'call_id'], unique=False)
    op.create_index('ix_fact_call_started_on', 'fact_call', ['started_on'], unique=False, postgresql_include=['weekday', 'hour', 'account_id', 'channel', 'number', 'manager_id', 'direction', 'answered', 'missed', 'abandoned', 'talk_seconds', 'wait_seconds'])
    op.create_table('fact_lead',
    sa.Column('lead_id', sa.UUID(), nullable=False),
    sa.Column('created_on', sa.Date(), nullable=False),
    sa.Column('contact_id', sa.UUID(), nullable=False),
    sa.Column('pipeline_id', sa.UUID(), nullable=False),
    sa.Column('stage_id', sa.UUID(), nullable=False),
    sa.Column('furthest_id', sa.UUID(), nullable=False),
    sa.Column('lost_from_id', sa.UUID(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('closed_on', sa.Date(), nullable=True),
    sa.Column('worth', sa.BigInteger(), nullable=True),
    sa.Column('origin_id', sa.BigInteger(), nullable=False),
    sa.Column('channel', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('manager_id', sa.UUID(), nullable=False),
    sa.PrimaryKeyConstraint('lead_id', 'created_on', name=op.f('pk_fact_lead'))
    )
    op.create_index('ix_fact_lead_closed_on', 'fact_lead', ['closed_on', 'lead_id'], unique=False, postgresql_include=['created_on', 'status', 'worth', 'pipeline_id', 'origin_id', 'channel', 'account_id', 'manager_id'], postgresql_where=sa.text('closed_on is not null'))
    op.create_index('ix_fact_lead_contact_id', 'fact_lead', ['contact_id'], unique=False)
    op.create_index('ix_fact_lead_created_on', 'fact_lead', ['created_on', 'lead_id'], unique=False, postgresql_include=['manager_id'])
    op.create_index('ix_fact_lead_open', 'fact_lead', ['created_on', 'lead_id'], unique=False, postgresql_include=['worth', 'pipeline_id', 'origin_id', 'channel', 'account_id', 'manager_id'], postgresql_where=sa.text("status = 'open'"))
    op.create_index('ix_fact_lead_pipeline_id', 'fact_lead', ['pipeline_id', 'created_on', 'lead_id'], unique=False, postgresql_include=['stage_id', 'furthest_id', 'lost_from_id', 'status', 'origin_id', 'channel', 'account_id', 'manager_id'])
    op.create_table('rollup_replies',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('manager_id', sa.UUID(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('replies', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.PrimaryKeyConstraint('day', 'manager_id', 'account_id', name=op.f('pk_rollup_replies'))
    )
    op.create_table('activity_plan',
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('calls', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('offers', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.CheckConstraint('calls >= 0 and offers >= 0', name=op.f('ck_activity_plan_not_negative')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_activity_plan_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_activity_plan'))
    )
    op.create_index('ix_assignment_manager_id_at', 'assignment', ['manager_id', 'at', 'id'], unique=False)
    op.add_column('fact_stage', sa.Column('first', sa.Boolean(), server_default=sa.text('true'), nullable=False))
    op.create_index('ix_fact_stage_first', 'fact_stage', ['stage_id', 'entered_at', 'lead_id'], unique=False, postgresql_include=['manager_id'], postgresql_where=sa.text('first'))
    op.create_index('ix_message_author_user', 'message', ['author_user', 'sent_at'], unique=False, postgresql_include=['account_id'], postgresql_where=sa.text("direction = 'out' and author_user is not null and automatic is null and kind not in ('call', 'service')"))
    op.create_index('ix_task_due', 'task', ['due_at', 'id'], unique=False, postgresql_include=['manager_id', 'done_at', 'cancelled_at'])
    # As they were, and with what the reports read beside.
    op.execute("-- squawk-ignore require-concurrent-index-deletion\ndrop index ix_fact_stage_created_on")
    op.create_index('ix_fact_stage_created_on', 'fact_stage', ['created_on', 'stage_id'], unique=False, postgresql_include=['seconds', 'origin_id', 'channel', 'account_id', 'manager_id'])
    op.execute("-- squawk-ignore require-concurrent-index-deletion\ndrop index ix_response_at")
    op.create_index('ix_response_at', 'response', ['at'], unique=False, postgresql_include=['user_id', 'first', 'working_seconds'])
    op.execute("-- squawk-ignore require-concurrent-index-deletion\ndrop index ix_assignment_at")
    op.create_index('ix_assignment_at', 'assignment', ['at'], unique=False, postgresql_include=['manager_id'])
    op.execute("-- squawk-ignore require-concurrent-index-deletion\ndrop index ix_task_done")
    op.create_index('ix_task_done', 'task', [sa.literal_column('done_at desc'), sa.literal_column('id desc')], unique=False, postgresql_include=['manager_id', 'cancelled_at'], postgresql_where=sa.text('done_at is not null'))
    # A first answer is one that comes after an inquiry; until now only what was read back from history was looked at.
    op.execute(
        """
        update response r set first = false where first and not exists (
            select from inquiry i where i.conversation_id = r.conversation_id and i.at >= r.waited_since and i.at <= r.at)
        """
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("-- squawk-ignore require-concurrent-index-deletion\ndrop index ix_fact_stage_created_on")
    op.create_index('ix_fact_stage_created_on', 'fact_stage', ['created_on', 'stage_id'], unique=False, postgresql_include=['seconds', 'lead_id', 'origin_id', 'manager_id'])
    op.execute("-- squawk-ignore require-concurrent-index-deletion\ndrop index ix_response_at")
    op.create_index('ix_response_at', 'response', ['at'], unique=False)
    op.execute("-- squawk-ignore require-concurrent-index-deletion\ndrop index ix_assignment_at")
    op.create_index('ix_assignment_at', 'assignment', ['at'], unique=False)
    op.execute("-- squawk-ignore require-concurrent-index-deletion\ndrop index ix_task_done")
    op.create_index('ix_task_done', 'task', [sa.literal_column('done_at desc'), sa.literal_column('id desc')], unique=False, postgresql_where=sa.text('done_at is not null'))
    op.drop_index('ix_task_due', table_name='task', postgresql_include=['manager_id', 'done_at', 'cancelled_at'])
    op.drop_index('ix_message_author_user', table_name='message', postgresql_include=['account_id'], postgresql_where=sa.text("direction = 'out' and author_user is not null and automatic is null and kind not in ('call', 'service')"))
    op.drop_index('ix_fact_stage_first', table_name='fact_stage', postgresql_include=['manager_id'], postgresql_where=sa.text('first'))
    op.drop_column('fact_stage', 'first')
    op.drop_index('ix_assignment_manager_id_at', table_name='assignment')
    op.drop_table('activity_plan')
    op.drop_table('rollup_replies')
    op.drop_index('ix_fact_lead_pipeline_id', table_name='fact_lead', postgresql_include=['stage_id', 'furthest_id', 'lost_from_id', 'status', 'origin_id', 'channel', 'account_id', 'manager_id'])
    op.drop_index('ix_fact_lead_open', table_name='fact_lead', postgresql_include=['worth', 'pipeline_id', 'origin_id', 'channel', 'account_id', 'manager_id'], postgresql_where=sa.text("status = 'open'"))
    op.drop_index('ix_fact_lead_created_on', table_name='fact_lead', postgresql_include=['manager_id'])
    op.drop_index('ix_fact_lead_contact_id', table_name='fact_lead')
    op.drop_index('ix_fact_lead_closed_on', table_name='fact_lead', postgresql_include=['created_on', 'status', 'worth', 'pipeline_id', 'origin_id', 'channel', 'account_id', 'manager_id'], postgresql_where=sa.text('closed_on is not null'))
    op.drop_table('fact_lead')
    op.drop_index('ix_fact_call_started_on', table_name='fact_call', postgresql_include=['weekday', 'hour', 'account_id', 'channel', 'number', 'manager_id', 'direction', 'answered', 'missed', 'abandoned', 'talk_seconds', 'wait_seconds'])
    op.drop_index('ix_fact_call_started_at', table_name='fact_call')
    op.drop_index('ix_fact_call_manager_id', table_name='fact_call')
    op.drop_index('ix_fact_call_contact_id', table_name='fact_call')
    op.drop_table('fact_call')
