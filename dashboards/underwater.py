"""Underwater: how far equity lies below its high-water mark, and for how long."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.panels import COUNT, DOLLARS, GOOD_AT_ZERO, SHARE, Query, bars, board, graph, number

OF = '{account=~"$account"}'
DEPTH = ((None, "green"), (0.1, "orange"), (0.2, "red"))


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return board(
        "remora-underwater",
        "Remora · Underwater",
        "Drawdown from the high-water mark. At 20 % exposure is halved; within 10 % of the mark it is restored.",
        [
            number(
                "Drawdown",
                "Now, as a share of the high-water mark.",
                SHARE,
                Query(f"account:trading_drawdown_ratio:max{OF}"),
                steps=DEPTH,
                width=6,
            ),
            number(
                "Deepest",
                "Within the range that is shown.",
                SHARE,
                Query(f"max_over_time(account:trading_drawdown_ratio:max{OF}[$__range])"),
                steps=DEPTH,
                width=6,
            ),
            number(
                "Time under water",
                "Share of the range that is shown.",
                SHARE,
                Query(f"avg_over_time((account:trading_drawdown_ratio:max{OF} > bool 0)[$__range:])"),
                width=6,
            ),
            number(
                "Below the mark",
                "Dollars missing to the high-water mark.",
                DOLLARS,
                Query(f"account:trading_high_water_mark_dollars:max{OF} - account:trading_equity_dollars:max{OF}"),
                width=6,
            ),
            graph(
                "Underwater",
                "Distance from the high-water mark; zero is a new high.",
                SHARE,
                [Query(f"-account:trading_drawdown_ratio:max{OF}", "drawdown")],
                width=24,
                fill=40,
            ),
            graph(
                "Equity and its mark",
                "The mark only rises, and moves with deposits and withdrawals.",
                DOLLARS,
                [
                    Query(f"account:trading_equity_dollars:max{OF}", "equity"),
                    Query(f"account:trading_high_water_mark_dollars:max{OF}", "high-water mark"),
                ],
            ),
            graph(
                "Loss of the day",
                "Since the day began, unrealised losses included.",
                DOLLARS,
                [Query('account_kind:trading_pnl_total:max{kind="day",account=~"$account"}', "today")],
            ),
            bars(
                "Brakes",
                "Used part of the limits that act by themselves.",
                SHARE,
                Query(
                    'account_limit:trading_limit_use_ratio:max{limit=~"daily_loss|drawdown",account=~"$account"}',
                    "{{limit}}",
                ),
                steps=GOOD_AT_ZERO,
                most=1,
            ),
            graph(
                "Desk",
                "Mode (1 while it holds) and scale of new sizes.",
                COUNT,
                [
                    Query(f"account_mode:trading_desk_mode:max{OF}", "{{mode}}"),
                    Query(f"account:trading_desk_scale_ratio:min{OF}", "scale"),
                ],
            ),
        ],
    )
