"""Whale performance: what copying each wallet came to."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.panels import COUNT, DOLLARS, SHARE, SIGNED, Query, bars, board, graph, heat, number, rows

OF = '{account=~"$account"}'
GAINED = f"account_whale:trading_whale_pnl_dollars:sum{OF}"


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return board(
        "remora-whales",
        "Remora · Whale performance",
        "Profit and loss per copied wallet: up to fifty of them, the rest summed as `other`.",
        [
            number(
                "Whales followed",
                "On the newest roster.",
                COUNT,
                Query(f"max by (account) (trading_roster_whales{OF})"),
                width=6,
            ),
            number(
                "Whales copied",
                "With a result of their own.",
                COUNT,
                Query(f"count by (account) ({GAINED})"),
                width=6,
            ),
            number(
                "In profit",
                "Share of the copied whales whose copies gained.",
                SHARE,
                Query(f"avg by (account) ({GAINED} > bool 0)"),
                width=6,
            ),
            number(
                "Largest share",
                "Most that is committed to one whale, as a share of equity; 30 % at most.",
                SHARE,
                Query(
                    f"max by (account) (account_whale:trading_whale_committed_dollars:max{OF})"
                    f" / account:trading_equity_dollars:max{OF}"
                ),
                steps=((None, "green"), (0.25, "orange"), (0.3, "red")),
                width=6,
            ),
            heat(
                "Profit and loss by whale",
                "One row per whale, one colour per dollar.",
                DOLLARS,
                Query(GAINED, "{{whale}}"),
                scheme="RdYlGn",
                buckets=False,
            ),
            bars(
                "Best and worst",
                "Realised and unrealised, fees off.",
                DOLLARS,
                Query(f"sort_desc({GAINED})", "{{whale}}"),
                steps=SIGNED,
            ),
            rows("Results", "Dollars per whale.", DOLLARS, Query(f"sort_desc({GAINED})")),
            graph(
                "Realised",
                "By whale.",
                DOLLARS,
                [
                    Query(
                        'account_whale_kind:trading_whale_pnl_dollars:max{kind="realised",account=~"$account"}',
                        "{{whale}}",
                    )
                ],
            ),
            graph(
                "Unrealised",
                "By whale.",
                DOLLARS,
                [
                    Query(
                        'account_whale_kind:trading_whale_pnl_dollars:max{kind="unrealised",account=~"$account"}',
                        "{{whale}}",
                    )
                ],
            ),
            graph(
                "Committed",
                "At cost and with reservations, by whale.",
                DOLLARS,
                [Query(f"account_whale:trading_whale_committed_dollars:max{OF}", "{{whale}}")],
                width=24,
                fill=20,
            ),
        ],
    )
