"""reminders, notifications, web push"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a004"
down_revision: str | Sequence[str] | None = "c1a1e0d0a003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table('notice_cursor',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_cursor'))
    )
    op.create_table('notification',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('subject', sa.UUID(), nullable=False),
    sa.Column('seq', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('conversation_id', sa.UUID(), nullable=True),
    sa.Column('contact_id', sa.UUID(), nullable=True),
    sa.Column('lead_id', sa.UUID(), nullable=True),
    sa.Column('task_id', sa.UUID(), nullable=True),
    sa.Column('account_id', sa.UUID(), nullable=True),
    sa.Column('by_user', sa.UUID(), nullable=True),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('told_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('read_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_notification_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notification')),
    sa.UniqueConstraint('user_id', 'kind', 'subject', name=op.f('uq_notification_user_id_kind_subject'))
    )
    op.create_index('ix_notification_conversation_id', 'notification', ['conversation_id'], unique=False, postgresql_where=sa.text('conversation_id is not null'))
    op.create_index('ix_notification_task_id', 'notification', ['task_id'], unique=False, postgresql_where=sa.text('task_id is not null'))
    op.create_index('ix_notification_told_at', 'notification', ['told_at'], unique=False)
    op.create_index('ix_notification_unread', 'notification', ['user_id', 'told_at'], unique=False, postgresql_where=sa.text('read_at is null'))
    op.create_index('ix_notification_user_id_at', 'notification', ['user_id', sa.literal_column('at desc'), sa.literal_column('id desc')], unique=False)
    op.create_table('notification_manner',
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('sound', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('push_text', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('quiet', sa.Text(), server_default=sa.text("'never'"), nullable=False),
    sa.Column('quiet_from', sa.Text(), server_default=sa.text("'20:00'"), nullable=False),
    sa.Column('quiet_to', sa.Text(), server_default=sa.text("'09:00'"), nullable=False),
    sa.Column('time_zone', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.CheckConstraint("quiet in ('never', 'team', 'own')", name=op.f('ck_notification_manner_quiet')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_notification_manner_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_notification_manner'))
    )
    op.create_table('notification_wish',
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('in_app', sa.Boolean(), nullable=False),
    sa.Column('desktop', sa.Boolean(), nullable=False),
    sa.Column('push', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_notification_wish_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'kind', name=op.f('pk_notification_wish'))
    )
    op.create_table('push_subscription',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('endpoint', sa.Text(), nullable=False),
    sa.Column('p256dh', sa.Text(), nullable=False),
    sa.Column('auth', sa.Text(), nullable=False),
    sa.Column('browser', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('told_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('error', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_push_subscription_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_push_subscription')),
    sa.UniqueConstraint('endpoint', name=op.f('uq_push_subscription_endpoint'))
    )
    op.create_index('ix_push_subscription_user_id', 'push_subscription', ['user_id'], unique=False)
    op.create_table('push_delivery',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('subscription_id', sa.UUID(), nullable=False),
    sa.Column('notification_id', sa.UUID(), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('next_attempt_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['notification_id'], ['notification.id'], name=op.f('fk_push_delivery_notification_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['subscription_id'], ['push_subscription.id'], name=op.f('fk_push_delivery_subscription_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_push_delivery')),
    sa.UniqueConstraint('subscription_id', 'notification_id', name=op.f('uq_push_delivery_subscription_id_notification_id'))
    )
    op.create_index('ix_push_delivery_next_attempt_at', 'push_delivery', ['next_attempt_at'], unique=False)
    op.create_index('ix_push_delivery_notification_id', 'push_delivery', ['notification_id'], unique=False)
    op.create_table('conversation_mute',
    sa.Column('user_id', sa.UUID(), nullable=False),
    sa.Column('conversation_id', sa.UUID(), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_conversation_mute_conversation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_conversation_mute_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'conversation_id', name=op.f('pk_conversation_mute'))
    )
    op.create_index('ix_conversation_mute_conversation_id', 'conversation_mute', ['conversation_id'], unique=False)
    op.create_table('task_reminder',
    sa.Column('task_id', sa.UUID(), nullable=False),
    sa.Column('at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('told_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_task_reminder_task_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('task_id', 'at', name=op.f('pk_task_reminder'))
    )
    op.create_index('ix_task_reminder_due', 'task_reminder', ['at'], unique=False, postgresql_where=sa.text('told_at is null'))
    op.create_index('ix_lead_manager_open', 'lead', ['manager_id', 'created_at', 'id'], unique=False, postgresql_where=sa.text("status = 'open'"))
    op.create_index('ix_lead_open', 'lead', ['created_at', 'id'], unique=False, postgresql_where=sa.text("status = 'open'"))
    op.add_column('task', sa.Column('cancelled_at', postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column('task', sa.Column('remind_before', postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{0}'"), nullable=False))
    op.create_index('ix_task_done', 'task', [sa.literal_column('done_at desc'), sa.literal_column('id desc')], unique=False, postgresql_where=sa.text('done_at is not null'))
    op.create_index('ix_task_manager_done', 'task', ['manager_id', sa.literal_column('done_at desc'), sa.literal_column('id desc')], unique=False, postgresql_where=sa.text('done_at is not null'))
    op.create_index('ix_task_open_due', 'task', ['due_at', 'id'], unique=False, postgresql_where=sa.text('done_at is null'))
    # What happened before is nobody's news.
    op.execute("insert into notice_cursor (id, position) select 1, coalesce(max(position), 0) from outbox")
    op.execute("insert into task_reminder (task_id, at) select id, due_at from task where done_at is null and due_at > now()")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index('ix_task_open_due', table_name='task', postgresql_where=sa.text('done_at is null'))
    op.drop_index('ix_task_manager_done', table_name='task', postgresql_where=sa.text('done_at is not null'))
    op.drop_index('ix_task_done', table_name='task', postgresql_where=sa.text('done_at is not null'))
    op.drop_column('task', 'remind_before')
    op.drop_column('task', 'cancelled_at')
    op.drop_index('ix_lead_open', table_name='lead', postgresql_where=sa.text("status = 'open'"))
    op.drop_index('ix_lead_manager_open', table_name='lead', postgresql_where=sa.text("status = 'open'"))
    op.drop_index('ix_task_reminder_due', table_name='task_reminder', postgresql_where=sa.text('told_at is null'))
    op.drop_table('task_reminder')
    op.drop_index('ix_conversation_mute_conversation_id', table_name='conversation_mute')
    op.drop_table('conversation_mute')
    op.drop_index('ix_push_delivery_notification_id', table_name='push_delivery')
    op.drop_index('ix_push_delivery_next_attempt_at', table_name='push_delivery')
    op.drop_table('push_delivery')
    op.drop_index('ix_push_subscription_user_id', table_name='push_subscription')
    op.drop_table('push_subscription')
    op.drop_table('notification_wish')
    op.drop_table('notification_manner')
    op.drop_index('ix_notification_user_id_at', table_name='notification')
    op.drop_index('ix_notification_unread', table_name='notification', postgresql_where=sa.text('read_at is null'))
    op.drop_index('ix_notification_told_at', table_name='notification')
    op.drop_index('ix_notification_task_id', table_name='notification', postgresql_where=sa.text('task_id is not null'))
    op.drop_index('ix_notification_conversation_id', table_name='notification', postgresql_where=sa.text('conversation_id is not null'))
    op.drop_table('notification')
    op.drop_table('notice_cursor')
