"""How a desk reads in the Temporal Web UI."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from schemas.desk import DeskState


def story(state: DeskState) -> str:
    """Return a desk as Markdown."""
    lines = [f"### Desk **{state.mode.value}**, scale {state.scale.normalize():f}"]
    if state.changed_at is not None:
        why = f": {state.reason}" if state.reason else ""
        lines.append(f"- since {state.changed_at:%Y-%m-%d %H:%M:%S} UTC by {state.changed_by}{why}")
    if state.equity is not None:
        lines.append(
            f"- equity {state.equity:.2f}, day began at {state.day_start_equity:.2f}, "
            f"high-water mark {state.high_water_mark:.2f}"
        )
    if state.reducing:
        lines.append("- **reducing**: not every position has heard of it yet")
    return "\n".join(lines)
