"""Orders: the venue's word that one ended without a match, which it says once and shows to nobody who asks later.

A worker of the version before may run beside: it leaves the column alone.

Revision: 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('orders', sa.Column('unmatched', sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column('orders', 'unmatched')
