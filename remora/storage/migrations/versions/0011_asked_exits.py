"""Positions: the stop and the target that a person chose.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ('asked_stop_price', 'asked_target_price'):
        op.add_column('positions', sa.Column(name, sa.Numeric(precision=38, scale=6), nullable=True))


def downgrade() -> None:
    for name in ('asked_target_price', 'asked_stop_price'):
        op.drop_column('positions', name)
