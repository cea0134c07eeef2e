"""the words that were said, for a search that forgives errors"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c1a1e0d0b001"
down_revision: str | Sequence[str] | None = "c1a1e0d0a010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("create extension if not exists fuzzystrmatch")
    op.create_table('said_word',
    sa.Column('word', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('word', name=op.f('pk_said_word'))
    )
    # Reads every message once, about half a minute for a million; nobody waits for a lock meanwhile.
    op.execute("set local statement_timeout = 0")
    op.execute(
        """
        insert into said_word (word)
        select distinct said.lexeme
        from message m, unnest(to_tsvector('simple', left(m.subject || ' ' || m.text, 20000))) said
        where length(said.lexeme) between 4 and 30 and said.lexeme !~ '[^[:alpha:]]'
        """
    )
    op.create_index(
        'ix_said_word_trgm', 'said_word', ['word'], unique=False, postgresql_using='gin',
        postgresql_ops={'word': 'gin_trgm_ops'},
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table('said_word')
    op.execute("drop extension if exists fuzzystrmatch")
