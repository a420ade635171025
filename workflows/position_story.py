"""How a position reads in the Temporal Web UI."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from remora.domain.reasons import PositionState
    from schemas.position import PositionSnapshot


def story(view: PositionSnapshot) -> str:
    """Return a position as Markdown."""
    lines = [f"### {view.question or view.token_id} · {view.outcome or 'not decided'}", f"**{view.state.value}**"]
    if view.state is PositionState.SKIPPED and view.skip_reason is not None:
        lines.append(f"skipped: `{view.skip_reason.value}`")
    if view.shares or view.cost:
        lines.append(f"- {view.shares} shares at {view.average_price}, cost {view.cost}, fees {view.fees}")
    if view.stop_price or view.target_price:
        lines.append(f"- stop {view.stop_price}, target {view.target_price}, leaves at {view.exit_at}")
    if view.exit_reason is not None:
        lines.append(f"- exit: `{view.exit_reason.value}`, proceeds {view.proceeds}")
    if view.attention:
        lines.append(f"- **needs attention**: {view.attention}")
    lines.append(f"- copies `{view.whale}`{' (unproven)' if view.unproven else ''}")
    return "\n".join(lines)
