"""trade sightings

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('trade_sightings',
    sa.Column('trade_key', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('whale', sa.Text(), nullable=False),
    sa.Column('token_id', sa.Text(), nullable=False),
    sa.Column('side', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('happened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lag_ms', sa.BigInteger(), nullable=False),
    sa.Column('behind_ms', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('trade_key', 'source', name=op.f('pk_trade_sightings'))
    )
    op.create_index(op.f('ix_trade_sightings_seen_at'), 'trade_sightings', ['seen_at'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_trade_sightings_seen_at'), table_name='trade_sightings')
    op.drop_table('trade_sightings')
