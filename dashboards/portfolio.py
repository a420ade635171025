"""Portfolio P&L: what the account is worth, what it gained, what it holds."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.panels import COUNT, DOLLARS, GOOD_AT_ZERO, SHARE, SIGNED, Query, bars, board, graph, number

OF = '{account=~"$account"}'


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return board(
        "remora-portfolio",
        "Remora · Portfolio P&L",
        "Equity at executable prices, profit and loss, exposure against limits.",
        [
            number(
                "Equity",
                "Cash and holdings at executable prices.",
                DOLLARS,
                Query(f"account:trading_equity_dollars:max{OF}"),
            ),
            number(
                "P&L today",
                "Equity less what the day began with.",
                DOLLARS,
                Query('account_kind:trading_pnl_total:max{kind="day",account=~"$account"}'),
                steps=SIGNED,
            ),
            number(
                "P&L",
                "Realised and unrealised, fees off.",
                DOLLARS,
                Query('account_kind:trading_pnl_total:max{kind="total",account=~"$account"}'),
                steps=SIGNED,
            ),
            number(
                "Open positions",
                "Positions that have not ended.",
                COUNT,
                Query(f"max by (account) (trading_positions_open{OF})"),
            ),
            number(
                "Need attention",
                "Positions that wait for a person.",
                COUNT,
                Query('account_state:trading_positions:max{state="needs_attention",account=~"$account"}'),
                steps=((None, "green"), (1.0, "red")),
            ),
            number(
                "Size",
                "Scale of new sizes; halved after a drawdown.",
                SHARE,
                Query(f"account:trading_desk_scale_ratio:min{OF}"),
                steps=((None, "orange"), (1.0, "green")),
            ),
            graph(
                "Equity",
                "Cash and holdings at executable prices.",
                DOLLARS,
                [
                    Query(f"account:trading_equity_dollars:max{OF}", "equity"),
                    Query(f"account:trading_high_water_mark_dollars:max{OF}", "high-water mark"),
                ],
            ),
            graph(
                "Profit and loss",
                "Since the beginning, fees off; and since the day began.",
                DOLLARS,
                [Query(f"account_kind:trading_pnl_total:max{OF}", "{{kind}}")],
            ),
            bars(
                "Limits used",
                "Used part of each limit; at 100 % entries stop.",
                SHARE,
                Query(f"account_limit:trading_limit_use_ratio:max{OF}", "{{limit}}"),
                steps=GOOD_AT_ZERO,
                most=1,
            ),
            graph(
                "Limits used over time",
                "Used part of each limit.",
                SHARE,
                [Query(f"account_limit:trading_limit_use_ratio:max{OF}", "{{limit}}")],
            ),
            graph(
                "Positions",
                "Positions that have not ended, by state.",
                COUNT,
                [Query(f"account_state:trading_positions:max{OF}", "{{state}}")],
                fill=10,
            ),
            bars(
                "Exits",
                "Positions closed so far, by reason.",
                COUNT,
                Query(f"account_reason:trading_positions_closed:max{OF}", "{{reason}}"),
            ),
            graph(
                "Orders",
                "Orders sent so far, by what became of them.",
                COUNT,
                [Query(f"account_purpose_outcome:trading_orders_submitted:max{OF}", "{{purpose}} {{outcome}}")],
            ),
            bars(
                "Decisions of 24 hours",
                "Copies, exits, and skips by reason.",
                COUNT,
                Query(f"account_outcome_reason:trading_decisions:max{OF}", "{{outcome}} {{reason}}"),
            ),
            graph(
                "Cash",
                "Free, and set aside for orders.",
                DOLLARS,
                [Query(f"account_kind:trading_cash_dollars:max{OF}", "{{kind}}")],
                fill=10,
            ),
            graph(
                "Fees", "Paid so far.", DOLLARS, [Query(f"max by (account) (trading_fees_dollars{OF})", "fees")]
            ),
        ],
    )
