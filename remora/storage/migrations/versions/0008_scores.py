"""scoring runs, scores and seats

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('score_runs',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('as_of', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('shards', sa.BigInteger(), nullable=False),
    sa.Column('wallets', sa.BigInteger(), nullable=False),
    sa.Column('params', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('roster_version', sa.BigInteger(), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('funnel', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('notice', sa.Text(), nullable=False),
    sa.CheckConstraint('shards > 0', name=op.f('ck_score_runs_shards')),
    sa.ForeignKeyConstraint(['roster_version'], ['rosters.version'], name=op.f('fk_score_runs_roster_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_score_runs'))
    )
    op.create_table('score_shards',
    sa.Column('run', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('records', sa.LargeBinary(), nullable=False),
    sa.Column('wallets', sa.BigInteger(), nullable=False),
    sa.Column('left_out', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['run'], ['score_runs.id'], name=op.f('fk_score_shards_run'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('run', 'number', name=op.f('pk_score_shards'))
    )
    op.create_table('scores',
    sa.Column('run', sa.Text(), nullable=False),
    sa.Column('wallet', sa.Text(), nullable=False),
    sa.Column('gate', sa.Text(), nullable=True),
    sa.Column('screen', sa.Text(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('closed_events', sa.BigInteger(), nullable=False),
    sa.Column('wins', sa.BigInteger(), nullable=False),
    sa.Column('edge', sa.Float(precision=53), nullable=True),
    sa.Column('q', sa.Float(precision=53), nullable=True),
    sa.Column('sharpe', sa.Float(precision=53), nullable=True),
    sa.Column('win_rate', sa.Float(precision=53), nullable=True),
    sa.Column('score', sa.Float(precision=53), nullable=True),
    sa.Column('score_low', sa.Float(precision=53), nullable=True),
    sa.ForeignKeyConstraint(['run'], ['score_runs.id'], name=op.f('fk_scores_run'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('run', 'wallet', name=op.f('pk_scores'))
    )
    op.create_index(op.f('ix_scores_wallet_run'), 'scores', ['wallet', 'run'], unique=False)
    op.create_table('roster_seats',
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('whale', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('strikes', sa.BigInteger(), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['version'], ['rosters.version'], name=op.f('fk_roster_seats_version'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('version', 'whale', name=op.f('pk_roster_seats'))
    )


def downgrade() -> None:
    op.drop_table('roster_seats')
    op.drop_index(op.f('ix_scores_wallet_run'), table_name='scores')
    op.drop_table('scores')
    op.drop_table('score_shards')
    op.drop_table('score_runs')
