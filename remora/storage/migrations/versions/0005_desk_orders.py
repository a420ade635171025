"""Desk: revisions, desk-wide reductions, orders carried out once.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

REASONS = (
    "exit_reason IN ('stop_loss', 'take_profit', 'whale_exit', 'pre_resolution', 'resolved', 'operator', "
    "'cancelled', 'halt', 'reduced', 'market_halted')"
)


def upgrade() -> None:
    op.add_column('desks', sa.Column('revision', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('desks', sa.Column('reduction', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('positions', sa.Column('reduction', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('desk_audit', sa.Column('key', sa.Text(), nullable=True))
    op.create_unique_constraint(op.f('uq_desk_audit_account_key'), 'desk_audit', ['account', 'key'])
    op.create_table('desk_reductions',
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('share', sa.Numeric(precision=38, scale=6), nullable=False),
    sa.Column('exit_reason', sa.Text(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('ordered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('share > 0 AND share <= 1', name=op.f('ck_desk_reductions_share')),
    sa.CheckConstraint(REASONS, name=op.f('ck_desk_reductions_exit_reason')),
    sa.ForeignKeyConstraint(['account'], ['desks.account'], name=op.f('fk_desk_reductions_account')),
    sa.PrimaryKeyConstraint('account', 'number', name=op.f('pk_desk_reductions'))
    )


def downgrade() -> None:
    op.drop_table('desk_reductions')
    op.drop_constraint(op.f('uq_desk_audit_account_key'), 'desk_audit', type_='unique')
    op.drop_column('desk_audit', 'key')
    op.drop_column('positions', 'reduction')
    op.drop_column('desks', 'reduction')
    op.drop_column('desks', 'revision')
