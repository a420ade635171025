"""The traces in which open positions were entered, for whoever tells them something later."""

from collections.abc import Mapping


class EntryTraces:
    """W3C trace contexts by workflow id, as last read from the database."""

    def __init__(self) -> None:
        self._traces: Mapping[str, str] = {}

    def replace(self, traces: Mapping[str, str]) -> None:
        """Take the database's newest word."""
        self._traces = traces

    def of(self, workflow_id: str) -> str:
        """Return the context in which a position was entered; empty when nothing was traced."""
        return self._traces.get(workflow_id, "")
