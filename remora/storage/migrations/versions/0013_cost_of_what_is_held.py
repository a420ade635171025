"""Positions: the cost of what is held, which a later purchase must not move.

Existing rows get it at the mean price of all purchases; their next fill works it out from the fills. A worker of
the version before may run beside: it leaves the column alone.

Revision: 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        'positions', sa.Column('cost', sa.Numeric(precision=38, scale=6), nullable=False, server_default='0')
    )
    op.execute(
        'UPDATE positions SET cost = (bought_shares - sold_shares - redeemed_shares)'
        ' * bought_notional / bought_shares WHERE bought_shares > 0'
    )


def downgrade() -> None:
    op.drop_column('positions', 'cost')
