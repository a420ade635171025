"""Keep one history of every shape that a test run brings forth: what later versions must still replay.

    REMORA_RECORD_HISTORIES=tests/histories python -m pytest tests/workflows tests/system

A shape that is there already is left alone: delete a file to record it anew.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHistory

WHO = re.compile(r'"identity": "[^"]*"')


async def record_histories(client: Client, target: Path) -> None:
    """Write the histories of a server's workflows whose shapes are not in `target` yet."""
    async for history in client.list_workflows().map_histories():
        path = target / f"{shape(history)}.json"
        if not path.exists():
            path.write_text(WHO.sub('"identity": "worker"', history.to_json()) + "\n")


def shape(history: WorkflowHistory) -> str:
    """Return what sets a history apart: its workflow, how it began, what it went through, how it ended."""
    events = [json_of(event) for event in json.loads(history.to_json())["events"]]
    started = events[0]
    words = [re.sub(r"Workflow$", "", started["workflowType"]["name"]).lower()]
    first = payload(started.get("input"))
    if isinstance(first, dict) and first.get("adopt_position_id"):
        words.append("adopted")
    states = [payload_of(event, "PositionState") for event in events]
    if "needs_attention" in states:
        words.append("doubtful")
    end = payload(events[-1].get("result"))
    if isinstance(end, dict) and "state" in end:
        words.append(str(end["exit_reason"] or end["state"]))
    elif events[-1]["kind"] == "CANCELED" or any(event["kind"] == "CANCEL_REQUESTED" for event in events):
        words.append("cancelled")
    else:
        words.append(events[-1]["kind"].lower() if events[-1]["kind"] in ENDS else "running")
    return "_".join(words)


ENDS = ("COMPLETED", "FAILED", "TERMINATED", "CONTINUED_AS_NEW")


def json_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event's attributes with the last words of its type."""
    attributes: dict[str, Any] = {}
    for name, value in event.items():
        if name.endswith("EventAttributes"):
            attributes = value
    return {"kind": event["eventType"].partition("WORKFLOW_EXECUTION_")[2], **attributes}


def payload(found: dict[str, Any] | None) -> Any:
    """Return the first payload as JSON, None without one."""
    payloads = (found or {}).get("payloads", [])
    return json.loads(base64.b64decode(payloads[0].get("data", "") or "bnVsbA==")) if payloads else None


def payload_of(event: dict[str, Any], name: str) -> Any:
    """Return a search attribute that an event sets, None if it sets none."""
    found = event.get("searchAttributes", {}).get("indexedFields", {}).get(name)
    return None if found is None else payload({"payloads": [found]})
