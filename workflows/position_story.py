"""How a position reads in the Temporal Web UI."""

from decimal import Decimal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from remora.domain.reasons import PositionState
    from schemas.position import PositionSnapshot


def story(view: PositionSnapshot) -> str:
    """Return a position as Markdown: what is held, what it costs, when it ends, who caused it."""
    lines = []
    if view.state is PositionState.SKIPPED and view.skip_reason is not None:
        lines.append(f"skipped: `{view.skip_reason.value}`")
    if view.shares or view.cost:
        price = plain(view.average_price)
        lines.append(f"{plain(view.shares)} shares at {price}, cost ${plain(view.cost)}, fees ${plain(view.fees)}")
    if view.stop_price or view.target_price:
        lines.append(f"stop {plain(view.stop_price)}, target {plain(view.target_price)}")
    if view.exit_at is not None and not view.state.ended:
        lines.append(f"leaves at the latest {view.exit_at:%Y-%m-%d %H:%M} UTC (venue time)")
    if view.exit_reason is not None:
        lines.append(f"exit: `{view.exit_reason.value}`, proceeds ${plain(view.proceeds)}")
    if view.attention:
        lines.append(f"**needs attention**: {view.attention}")
    lines.append(f"copies `{view.whale}`{' (unproven)' if view.unproven else ''}")
    title = f"### {view.question or view.token_id} · {view.outcome or 'not decided'}"
    # the Web UI shows a list only after an empty line
    return "\n\n".join([title, f"**{view.state.value}**", "\n".join(f"- {line}" for line in lines)])


def plain(value: Decimal | None) -> str:
    """Return a number without trailing zeros, `none` without one."""
    return "none" if value is None else f"{value.normalize():f}"
