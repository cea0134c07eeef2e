"""where people come from, what it cost, and what reports count"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a008"
down_revision: str | Sequence[str] | None = "c1a1e0d0a007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table('ad_account',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('platform', sa.Text(), nullable=False),
    sa.Column('external_id', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('time_zone', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('vat_included', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('vat_rate', sa.Numeric(precision=5, scale=2), server_default=sa.text('0'), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('medium', sa.Text(), server_default=sa.text("'cpc'"), nullable=False),
    sa.Column('campaign_by', sa.Text(), server_default=sa.text("'name'"), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=True),
    sa.Column('pull_state', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('next_pull_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('pulled_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('error', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('archived_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.CheckConstraint("campaign_by in ('name', 'id')", name=op.f('ck_ad_account_campaign_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ad_account')),
    sa.UniqueConstraint('name', name=op.f('uq_ad_account_name'))
    )
    op.create_index('ix_ad_account_due', 'ad_account', ['next_pull_at'], unique=False, postgresql_where=sa.text('next_pull_at is not null'))
    op.create_table('currency_rate',
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('rate', sa.Numeric(precision=18, scale=8), nullable=False),
    sa.Column('how', sa.Text(), server_default=sa.text("'hand'"), nullable=False),
    sa.CheckConstraint('rate > 0', name=op.f('ck_currency_rate_rate')),
    sa.PrimaryKeyConstraint('currency', 'day', name=op.f('pk_currency_rate'))
    )
    op.create_table('fact_credit',
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.UUID(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('created_on', sa.Date(), nullable=False),
    sa.Column('contact_id', sa.UUID(), nullable=False),
    sa.Column('touch_id', sa.UUID(), nullable=True),
    sa.Column('origin_id', sa.BigInteger(), nullable=False),
    sa.Column('content', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('term', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('landing', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('manager_id', sa.UUID(), nullable=False),
    sa.Column('pipeline_id', sa.UUID(), nullable=False),
    sa.Column('status', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('qualified_on', sa.Date(), nullable=True),
    sa.Column('closed_on', sa.Date(), nullable=True),
    sa.Column('first_win', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('cycle_minutes', sa.BigInteger(), nullable=True),
    sa.Column('response_seconds', sa.BigInteger(), nullable=True),
    sa.Column('weights', postgresql.ARRAY(sa.Integer()), nullable=False),
    sa.Column('money', postgresql.ARRAY(sa.BigInteger()), nullable=True),
    sa.CheckConstraint("kind in ('lead', 'inquiry')", name=op.f('ck_fact_credit_kind')),
    sa.PrimaryKeyConstraint('subject_id', 'place', 'created_on', name=op.f('pk_fact_credit'))
    )
    op.create_index('ix_fact_credit_closed_on', 'fact_credit', ['closed_on', 'origin_id'], unique=False, postgresql_where=sa.text('closed_on is not null'))
    op.create_index('ix_fact_credit_contact_id', 'fact_credit', ['contact_id'], unique=False)
    op.create_index('ix_fact_credit_created_on', 'fact_credit', ['created_on', 'origin_id'], unique=False)
    op.create_index('ix_fact_credit_origin_id', 'fact_credit', ['origin_id', 'created_on'], unique=False)
    op.create_index('ix_fact_credit_qualified_on', 'fact_credit', ['qualified_on', 'origin_id'], unique=False, postgresql_where=sa.text('qualified_on is not null'))
    op.create_table('fact_stage',
    sa.Column('lead_id', sa.UUID(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('created_on', sa.Date(), nullable=False),
    sa.Column('contact_id', sa.UUID(), nullable=False),
    sa.Column('pipeline_id', sa.UUID(), nullable=False),
    sa.Column('stage_id', sa.UUID(), nullable=False),
    sa.Column('entered_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('left_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('seconds', sa.BigInteger(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('origin_id', sa.BigInteger(), nullable=False),
    sa.Column('channel', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('manager_id', sa.UUID(), nullable=False),
    sa.PrimaryKeyConstraint('lead_id', 'place', 'created_on', name=op.f('pk_fact_stage'))
    )
    op.create_index('ix_fact_stage_contact_id', 'fact_stage', ['contact_id'], unique=False)
    op.create_index('ix_fact_stage_created_on', 'fact_stage', ['created_on', 'stage_id'], unique=False, postgresql_include=['seconds', 'lead_id', 'origin_id', 'manager_id'])
    op.create_table('overhead',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('by_user', sa.UUID(), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.CheckConstraint('first_day <= last_day', name=op.f('ck_overhead_days')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_overhead'))
    )
    op.create_index('ix_overhead_days', 'overhead', ['first_day', 'last_day'], unique=False)
    op.create_table('reckoning_due',
    sa.Column('contact_id', sa.UUID(), nullable=False),
    sa.Column('since', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('contact_id', name=op.f('pk_reckoning_due'))
    )
    op.create_table('rollup_month',
    sa.Column('model', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('origin_id', sa.BigInteger(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('manager_id', sa.UUID(), nullable=False),
    sa.Column('pipeline_id', sa.UUID(), nullable=False),
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
    sa.PrimaryKeyConstraint('model', 'day', 'origin_id', 'account_id', 'manager_id', 'pipeline_id', name=op.f('pk_rollup_month'))
    )
    op.create_table('rollup_origin',
    sa.Column('model', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('origin_id', sa.BigInteger(), nullable=False),
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
    sa.PrimaryKeyConstraint('model', 'day', 'origin_id', name=op.f('pk_rollup_origin'))
    )
    op.create_table('rollup_owner',
    sa.Column('model', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('manager_id', sa.UUID(), nullable=False),
    sa.Column('pipeline_id', sa.UUID(), nullable=False),
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
    sa.PrimaryKeyConstraint('model', 'day', 'account_id', 'manager_id', 'pipeline_id', name=op.f('pk_rollup_owner'))
    )
    op.create_table('source',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), server_default=sa.text("'other'"), nullable=False),
    sa.Column('colour', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.CheckConstraint("kind in ('paid', 'organic', 'social', 'referral', 'direct', 'messenger', 'email', 'phone', 'offline', 'other')", name=op.f('ck_source_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_source')),
    sa.UniqueConstraint('name', name=op.f('uq_source_name'))
    )
    op.create_table('origin',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('medium', sa.Text(), nullable=False),
    sa.Column('campaign', sa.Text(), nullable=False),
    sa.Column('source_id', sa.UUID(), nullable=True),
    sa.Column('first_seen', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_origin_source_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_origin')),
    sa.UniqueConstraint('source', 'medium', 'campaign', name=op.f('uq_origin_source_medium_campaign'))
    )
    op.create_index('ix_origin_source_id', 'origin', ['source_id'], unique=False)
    op.create_table('source_rule',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('source_pattern', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('medium_pattern', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('campaign_pattern', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('source_id', sa.UUID(), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_source_rule_source_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_source_rule')),
    sa.UniqueConstraint('position', deferrable=True, name=op.f('uq_source_rule_position'))
    )
    op.create_index('ix_source_rule_source_id', 'source_rule', ['source_id'], unique=False)
    op.create_table('spend_import',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('ad_account_id', sa.UUID(), nullable=False),
    sa.Column('how', sa.Text(), nullable=False),
    sa.Column('file_name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('file_hash', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('format', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('covered_from', sa.Date(), nullable=True),
    sa.Column('covered_to', sa.Date(), nullable=True),
    sa.Column('written', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('refused', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('totals', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('by_user', sa.UUID(), nullable=True),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.CheckConstraint("how in ('file', 'hand', 'pull', 'api')", name=op.f('ck_spend_import_how')),
    sa.ForeignKeyConstraint(['ad_account_id'], ['ad_account.id'], name=op.f('fk_spend_import_ad_account_id')),
    sa.ForeignKeyConstraint(['by_user'], ['user_account.id'], name=op.f('fk_spend_import_by_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_spend_import'))
    )
    op.create_index('ix_spend_import_ad_account_id', 'spend_import', ['ad_account_id', 'at'], unique=False)
    op.create_index('ix_spend_import_at', 'spend_import', ['at', 'id'], unique=False)
    op.create_index('ix_spend_import_by_user', 'spend_import', ['by_user'], unique=False)
    op.create_table('spend',
    sa.Column('ad_account_id', sa.UUID(), nullable=False),
    sa.Column('level', sa.Text(), nullable=False),
    sa.Column('object_id', sa.Text(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('object_name', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=6), nullable=False),
    sa.Column('counted', sa.BigInteger(), nullable=True),
    sa.Column('origin_id', sa.BigInteger(), nullable=False),
    sa.Column('content', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('term', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('clicks', sa.BigInteger(), nullable=True),
    sa.Column('impressions', sa.BigInteger(), nullable=True),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.ForeignKeyConstraint(['ad_account_id'], ['ad_account.id'], name=op.f('fk_spend_ad_account_id')),
    sa.ForeignKeyConstraint(['import_id'], ['spend_import.id'], name=op.f('fk_spend_import_id')),
    sa.PrimaryKeyConstraint('ad_account_id', 'level', 'object_id', 'day', 'currency', name=op.f('pk_spend'))
    )
    op.create_index('ix_spend_day', 'spend', ['day', 'origin_id'], unique=False, postgresql_include=['counted'])
    op.create_index('ix_spend_import_id', 'spend', ['import_id'], unique=False)
    op.create_index('ix_spend_origin_id', 'spend', ['origin_id'], unique=False)
    op.create_table('inquiry',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('conversation_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), server_default=sa.text("'message'"), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.CheckConstraint("kind in ('message', 'call')", name=op.f('ck_inquiry_kind')),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_inquiry_conversation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_inquiry'))
    )
    op.create_index('ix_inquiry_at', 'inquiry', ['at'], unique=False)
    op.create_index('ix_inquiry_conversation_id_at', 'inquiry', ['conversation_id', 'at'], unique=False)
    op.create_table('response',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('conversation_id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=True),
    sa.Column('waited_since', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('working_seconds', sa.Integer(), nullable=True),
    sa.Column('first', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_response_conversation_id')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_response_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_response'))
    )
    op.create_index('ix_response_at', 'response', ['at'], unique=False)
    op.create_index('ix_response_conversation_id_at', 'response', ['conversation_id', 'at'], unique=False)
    op.create_index('ix_response_user_id_at', 'response', ['user_id', 'at'], unique=False)
    # 0: nobody knows where from.
    op.execute("insert into origin (id, source, medium, campaign, first_seen) values (0, '', '', '', now())")
    # What was said before: an inquiry is a conversation's first message, or one after a day of silence of its customer.
    op.execute(
        """
        insert into inquiry (id, conversation_id, kind, at)
        select id, conversation_id, case when kind = 'call' then 'call' else 'message' end, sent_at
        from (select id, conversation_id, kind, sent_at,
                     lag(sent_at) over (partition by conversation_id order by sent_at, id) as before
              from message where direction = 'in' and automatic is null and kind <> 'service') said
        where before is null or sent_at - before >= interval '24 hours' or kind = 'call'
        """
    )
    # A colleague's message after the customer's: it answers the first of those that waited.
    op.execute(
        """
        insert into response (id, conversation_id, user_id, waited_since, at, first)
        select id, conversation_id, author_user, waited_since, sent_at,
               exists (select from inquiry i where i.conversation_id = turns.conversation_id
                       and i.at >= waited_since and i.at <= sent_at)
        from (select m.id, m.conversation_id, m.author_user, m.direction, m.sent_at,
                     lag(m.direction) over said as before,
                     min(m.sent_at) filter (where m.direction = 'in') over (partition by m.conversation_id, m.run) as waited_since
              from (select id, conversation_id, author_user, direction, sent_at,
                           count(*) filter (where direction = 'out') over (partition by conversation_id order by sent_at, id
                             rows between unbounded preceding and 1 preceding) as run
                    from message where direction in ('in', 'out') and automatic is null and kind <> 'service'
                     and details ->> 'automatic' is null) m
              window said as (partition by m.conversation_id order by m.sent_at, m.id)) turns
        where direction = 'out' and before = 'in' and waited_since is not null and waited_since <= sent_at
        """
    )
    op.execute(
        """
        insert into reckoning_due (contact_id, since)
        select contact_id, now() from lead union select contact_id, now() from conversation where exists
          (select from inquiry where conversation_id = conversation.id)
        """
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index('ix_response_user_id_at', table_name='response')
    op.drop_index('ix_response_conversation_id_at', table_name='response')
    op.drop_index('ix_response_at', table_name='response')
    op.drop_table('response')
    op.drop_index('ix_inquiry_conversation_id_at', table_name='inquiry')
    op.drop_index('ix_inquiry_at', table_name='inquiry')
    op.drop_table('inquiry')
    op.drop_index('ix_spend_origin_id', table_name='spend')
    op.drop_index('ix_spend_import_id', table_name='spend')
    op.drop_index('ix_spend_day', table_name='spend', postgresql_include=['counted'])
    op.drop_table('spend')
    op.drop_index('ix_spend_import_by_user', table_name='spend_import')
    op.drop_index('ix_spend_import_at', table_name='spend_import')
    op.drop_index('ix_spend_import_ad_account_id', table_name='spend_import')
    op.drop_table('spend_import')
    op.drop_index('ix_source_rule_source_id', table_name='source_rule')
    op.drop_table('source_rule')
    op.drop_index('ix_origin_source_id', table_name='origin')
    op.drop_table('origin')
    op.drop_table('source')
    op.drop_table('rollup_owner')
    op.drop_table('rollup_origin')
    op.drop_table('rollup_month')
    op.drop_table('reckoning_due')
    op.drop_index('ix_overhead_days', table_name='overhead')
    op.drop_table('overhead')
    op.drop_index('ix_fact_stage_created_on', table_name='fact_stage', postgresql_include=['seconds', 'lead_id', 'origin_id', 'manager_id'])
    op.drop_index('ix_fact_stage_contact_id', table_name='fact_stage')
    op.drop_table('fact_stage')
    op.drop_index('ix_fact_credit_qualified_on', table_name='fact_credit', postgresql_where=sa.text('qualified_on is not null'))
    op.drop_index('ix_fact_credit_origin_id', table_name='fact_credit')
    op.drop_index('ix_fact_credit_created_on', table_name='fact_credit')
    op.drop_index('ix_fact_credit_contact_id', table_name='fact_credit')
    op.drop_index('ix_fact_credit_closed_on', table_name='fact_credit', postgresql_where=sa.text('closed_on is not null'))
    op.drop_table('fact_credit')
    op.drop_table('currency_rate')
    op.drop_index('ix_ad_account_due', table_name='ad_account', postgresql_where=sa.text('next_pull_at is not null'))
    op.drop_table('ad_account')
