"""the ledger's invariants, held by the database

Revision: 0009, after 0008.
"""

from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f('ix_ledger_entries_position_id'), 'ledger_entries', ['position_id'])
    op.create_foreign_key(
        op.f('fk_ledger_entries_position_id'), 'ledger_entries', 'positions', ['position_id'], ['id']
    )
    op.create_check_constraint(
        op.f('ck_ledger_entries_book'),
        'ledger_entries',
        "book IN ('cash', 'exchange', 'fees', 'holdings', 'deposits')",
    )
    op.create_check_constraint(
        op.f('ck_ledger_entries_unit'),
        'ledger_entries',
        "CASE book WHEN 'holdings' THEN unit LIKE 'share:%' WHEN 'exchange' THEN true ELSE unit = 'usd' END",
    )
    op.create_check_constraint(
        op.f('ck_ledger_entries_owner'),
        'ledger_entries',
        "position_id IS NOT NULL OR book IN ('cash', 'deposits')",
    )
    for table in ('ledger_transactions', 'ledger_entries'):
        op.execute(f"""
            CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()
        """)
    # every share and every fee of a position is in the ledger, and nothing else is
    op.execute("""
        CREATE FUNCTION check_position_ledger(checked text) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE
            held numeric; paid numeric; found positions;
        BEGIN
            SELECT * INTO found FROM positions WHERE id = checked;
            SELECT coalesce(sum(amount) FILTER (WHERE book = 'holdings'), 0),
                   coalesce(sum(amount) FILTER (WHERE book = 'fees'), 0)
            INTO held, paid FROM ledger_entries WHERE position_id = checked;
            IF held < 0 THEN
                RAISE EXCEPTION 'position % would hold % shares', checked, held;
            END IF;
            IF held <> found.bought_shares - found.sold_shares - found.redeemed_shares OR paid <> found.fees THEN
                RAISE EXCEPTION 'position % has % shares and % fees, its ledger % and %', checked,
                    found.bought_shares - found.sold_shares - found.redeemed_shares, found.fees, held, paid;
            END IF;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION check_ledger_of_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM check_position_ledger(NEW.position_id); RETURN NULL; END $$
    """)
    op.execute("""
        CREATE FUNCTION check_ledger_of_position() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM check_position_ledger(NEW.id); RETURN NULL; END $$
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER agrees_with_positions AFTER INSERT ON ledger_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.book IN ('holdings', 'fees')) EXECUTE FUNCTION check_ledger_of_entry()
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER agrees_with_ledger
        AFTER UPDATE OF bought_shares, sold_shares, redeemed_shares, fees ON positions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_of_position()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER agrees_with_ledger ON positions")
    op.execute("DROP TRIGGER agrees_with_positions ON ledger_entries")
    for name in ('check_ledger_of_position()', 'check_ledger_of_entry()', 'check_position_ledger(text)'):
        op.execute(f"DROP FUNCTION {name}")
    for table in ('ledger_transactions', 'ledger_entries'):
        op.execute(f"DROP TRIGGER never_emptied ON {table}")
    for name in ('owner', 'unit', 'book'):
        op.drop_constraint(op.f(f'ck_ledger_entries_{name}'), 'ledger_entries', type_='check')
    op.drop_constraint(op.f('fk_ledger_entries_position_id'), 'ledger_entries', type_='foreignkey')
    op.drop_index(op.f('ix_ledger_entries_position_id'), table_name='ledger_entries')
