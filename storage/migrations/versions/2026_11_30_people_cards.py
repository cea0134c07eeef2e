"""what the contact card needs"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c1a1e0d0a005"
down_revision: str | Sequence[str] | None = "c1a1e0d0a004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table('field',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('entity', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), server_default=sa.text("'text'"), nullable=False),
    sa.Column('choices', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('position', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('archived_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.CheckConstraint("entity in ('contact', 'lead')", name=op.f('ck_field_entity')),
    sa.CheckConstraint("kind in ('text', 'number', 'date', 'choice', 'yes_no', 'link')", name=op.f('ck_field_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_field')),
    sa.UniqueConstraint('entity', 'key', name=op.f('uq_field_entity_key'))
    )
    op.add_column('contact', sa.Column('block_reason', sa.Text(), server_default=sa.text("''"), nullable=False))
    # What was done, by whom and when stays for ever; the words of a person who is erased do not.
    op.execute(
        """
        create function refuse_change_but_erasure() returns trigger language plpgsql as $$ begin
            if tg_op = 'UPDATE' and current_setting('allo.erasing', true) = 'yes'
                and new.before is null and new.after is null
                and to_jsonb(new) - 'before' - 'after' = to_jsonb(old) - 'before' - 'after'
            then return new; end if;
            raise exception 'the audit log is append-only';
        end $$
        """
    )
    op.execute("drop trigger audit_append_only on audit")
    op.execute(
        "create trigger audit_append_only before update or delete on audit"
        " for each row execute function refuse_change_but_erasure()"
    )
    op.add_column('contact', sa.Column('note', sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger audit_append_only on audit")
    op.execute(
        "create trigger audit_append_only before update or delete on audit"
        " for each row execute function refuse_change()"
    )
    op.execute("drop function refuse_change_but_erasure()")
    op.drop_column('contact', 'note')
    op.drop_column('contact', 'block_reason')
    op.drop_table('field')
