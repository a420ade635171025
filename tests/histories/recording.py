"""Keep one history of every shape that a test run brings forth: what later versions must still replay.

    REMORA_RECORD_HISTORIES=tests/histories python -m pytest tests/workflows tests/system
    python tests/histories/recording.py --temporal HOST:PORT --prefix chaos_    # of any stack that runs

A shape that is there already is left alone: delete a file to record it anew.
"""

import argparse
import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHistory

from starters.client import DATA_CONVERTER

WHO = re.compile(r'"identity": "[^"]*"')
QUEUE = re.compile(r'"\d+@[^"]*"')
WHERE = re.compile(r'"stackTrace": "(?:[^"\\]|\\.)*"')
"""Who ran it and where its files lay is nothing that a later version replays."""

EVENTS_MAX = 100
"""A longer history shows nothing that a shorter one of its shape does not."""


async def record_histories(client: Client, target: Path, *, prefix: str = "") -> None:
    """Write the histories of a server's workflows whose shapes are not in `target` yet."""
    async for history in client.list_workflows().map_histories():
        path = target / f"{prefix}{shape(history)}.json"
        if path.stem.endswith("_running") and "position" in path.stem:
            continue  # the beginning of one that ended
        if not path.exists() and len(history.events) <= EVENTS_MAX:
            path.write_text(without_place(history.to_json()) + "\n")


def without_place(text: str) -> str:
    """Return a history's JSON without the names of machines, processes and files."""
    for found, instead in (
        (WHO, '"identity": "worker"'),
        (QUEUE, '"worker-sticky"'),
        (WHERE, '"stackTrace": ""'),
    ):
        text = found.sub(instead, text)
    return text


def shape(history: WorkflowHistory) -> str:
    """Return what sets a history apart: its workflow, how it began, what it went through, how it ended."""
    events = [json_of(event) for event in json.loads(history.to_json())["events"]]
    started = events[0]
    words = [re.sub(r"Workflow$", "", started["workflowType"]["name"]).lower()]
    first = payload(started.get("input"))
    if isinstance(first, dict) and first.get("adopt_position_id"):
        words.append("adopted")
    if started.get("continuedExecutionRunId"):
        words.append("continued")
    states = [payload_of(event, "PositionState") for event in events]
    words += [word for word, state in PASSED.items() if state in states]
    everything = said(events)
    words += [word for word, found in DONE.items() if found in everything]
    end = payload(events[-1].get("result"))
    if isinstance(end, dict) and "state" in end:
        words.append(str(end["exit_reason"] or end["state"]))
    elif events[-1]["kind"] == "CANCELED" or any(event["kind"] == "CANCEL_REQUESTED" for event in events):
        words.append("cancelled")
    else:
        words.append(events[-1]["kind"].lower() if events[-1]["kind"] in ENDS else "running")
    return "_".join(words)


PASSED = {"doubtful": "needs_attention", "waiting": "awaiting_resolution"}
"""States on the way that set a history apart."""

DONE = {"by_hand": "settle_by_hand", "in_parts": '"share":"0.', "unsold": "try again to sell a part"}
"""Steps on the way that set a history apart, by a text in their events."""

ENDS = ("COMPLETED", "FAILED", "TERMINATED", "CONTINUED_AS_NEW")


def json_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event's attributes with the last words of its type."""
    attributes: dict[str, Any] = {}
    for name, value in event.items():
        if name.endswith("EventAttributes"):
            attributes = value
    return {
        "kind": event["eventType"].partition("WORKFLOW_EXECUTION_")[2],
        "userMetadata": event.get("userMetadata", {}),
        **attributes,
    }


def said(value: Any) -> str:
    """Return the texts of all payloads in an event, however deep."""
    if isinstance(value, dict):
        data = value.get("data")
        own = base64.b64decode(data).decode(errors="replace") if isinstance(data, str) else ""
        return own + "".join(said(inner) for inner in value.values())
    return "".join(said(inner) for inner in value) if isinstance(value, list) else ""


def payload(found: dict[str, Any] | None) -> Any:
    """Return the first payload as JSON, None without one."""
    payloads = (found or {}).get("payloads", [])
    return json.loads(base64.b64decode(payloads[0].get("data", "") or "bnVsbA==")) if payloads else None


def payload_of(event: dict[str, Any], name: str) -> Any:
    """Return a search attribute that an event sets, None if it sets none."""
    found = event.get("searchAttributes", {}).get("indexedFields", {}).get(name)
    return None if found is None else payload({"payloads": [found]})


async def main() -> None:
    """Record from a server that runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--temporal", required=True, help="HOST:PORT")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    parser.add_argument("--prefix", default="", help="begins every name")
    options = parser.parse_args()
    client = await Client.connect(options.temporal, data_converter=DATA_CONVERTER)
    await record_histories(client, options.into, prefix=options.prefix)


if __name__ == "__main__":
    asyncio.run(main())
