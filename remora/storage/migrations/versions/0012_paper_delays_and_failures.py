"""paper orders may be held back by the venue, and paper fills may fail to settle

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

STATE = 'ck_paper_orders_state'


def upgrade() -> None:
    op.drop_constraint(op.f(STATE), 'paper_orders', type_='check')
    op.create_check_constraint(op.f(STATE), 'paper_orders', "state IN ('live', 'done', 'cancelled', 'delayed')")
    op.add_column('paper_orders', sa.Column('due_at', sa.DateTime(timezone=True), nullable=True))
    for name in ('fails', 'undone'):
        op.add_column('paper_fills', sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
        op.alter_column('paper_fills', name, server_default=None)


def downgrade() -> None:
    op.drop_column('paper_fills', 'undone')
    op.drop_column('paper_fills', 'fails')
    op.drop_column('paper_orders', 'due_at')
    op.execute("UPDATE paper_orders SET state = 'cancelled' WHERE state = 'delayed'")
    op.drop_constraint(op.f(STATE), 'paper_orders', type_='check')
    op.create_check_constraint(op.f(STATE), 'paper_orders', "state IN ('live', 'done', 'cancelled')")
