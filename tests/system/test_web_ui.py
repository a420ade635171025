"""A person at Temporal's Web UI: finds an open position, reads it, cancels it; the exchange shows the sale."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect
from temporalio.client import Client

from bench.place import Place, bench_place
from remora.domain.ids import TokenId, WalletAddress
from remora.storage.positions import PositionRow, load_position
from schemas.position import position_workflow_id
from starters.client import connect
from tests.fixtures.waiting import eventually

from .browser import browsing, picture

pytestmark = pytest.mark.system

EVENT_BYTES_MAX = 4 * 1024
HISTORY_BYTES_MAX = 32 * 1024
SIGNATURE = re.compile(rb"[0-9a-fA-F]{128}|signature|private_?key|passphrase|secret", re.IGNORECASE)


async def find(page: Page, place: Place, query: str) -> None:
    """Open the list of workflows that a query of search attributes finds."""
    await page.goto(f"{place.stack.ui_url}/namespaces/default/workflows?query={quote(query)}")


async def cancel_with_the_button(page: Page) -> None:
    """Press the button of an open workflow's page, and confirm."""
    await page.get_by_role("button", name="Request Cancellation").click()
    modal = page.get_by_test_id("cancel-confirmation-modal").filter(visible=True)
    await modal.get_by_test_id("confirm-modal-button").click()


async def opened(place: Place, client: Client, whale: WalletAddress, token: TokenId) -> str:
    """Return the workflow of a copy, once visibility knows it as open."""
    workflow_id = position_workflow_id(place.account, whale, token)

    async def listed() -> bool:
        query = f"WorkflowId = '{workflow_id}' AND PositionState = 'open'"
        return [found.id async for found in client.list_workflows(query)] == [workflow_id]

    await eventually(listed)
    return workflow_id


async def position(place: Place, workflow_id: str) -> PositionRow:
    """Return our row of a workflow's position."""
    return await load_position(place.engine, workflow_id)


async def ended(place: Place, workflow_id: str) -> bool:
    """Whether a workflow's position has ended in our books."""
    return (await position(place, workflow_id)).state.ended


async def exchange_books(place: Place) -> dict[str, Any]:
    """Return the exchange's own books of our account."""
    books: dict[str, Any] = (await place.control.get(f"/books/{place.account}")).raise_for_status().json()
    return books


async def check_histories(place: Place, client: Client) -> None:
    """No workflow's history may carry a secret or a bulky payload."""
    key = bytes.fromhex(place.stack.account_key.removeprefix("0x"))
    ids = [found.id async for found in client.list_workflows()]
    assert len(ids) >= 3
    for workflow_id in ids:
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        raw = b"".join(event.SerializeToString() for event in history.events)
        assert key.hex().encode() not in raw.lower()
        assert key not in raw
        assert SIGNATURE.search(raw) is None
        assert max(event.ByteSize() for event in history.events) <= EVENT_BYTES_MAX
        assert len(raw) <= HISTORY_BYTES_MAX


async def test_a_position_is_found_read_and_cancelled_in_the_browser() -> None:
    async with browsing() as page, bench_place(markets=1, whales=2) as place:
        client = await connect(place.stack.temporal_address)
        whale, token = await place.trade()
        other_whale, _ = await place.trade()
        ours = await opened(place, client, whale, token)
        other = await opened(place, client, other_whale, token)
        held = await position(place, ours)

        await find(page, place, f'Whale = "{whale}" AND PositionState = "open"')
        found = page.locator(f"a[href*='{quote(ours, safe='')}']").first
        await expect(found).to_be_visible()
        await expect(page.locator(f"a[href*='{quote(other, safe='')}']")).to_have_count(0)
        await picture(page, "web-ui-search")
        await found.click()
        await expect(page.get_by_test_id("execution-status").first).to_have_text(
            re.compile("running", re.IGNORECASE)
        )
        await expect(page.get_by_text("leave before the resolution").first).to_be_visible()
        await page.get_by_test_id("user-metadata-tab").click()
        story = page.locator("iframe").last.content_frame.get_by_role("listitem")
        await expect(story.filter(has_text=f"{held.books.shares.normalize():f} shares at")).to_be_visible()
        await expect(story.filter(has_text=f"copies {whale}")).to_be_visible()
        await picture(page, "web-ui-position")
        await cancel_with_the_button(page)
        await eventually(lambda: ended(place, ours))
        await page.reload()
        await expect(page.get_by_test_id("execution-status").first).to_have_text(
            re.compile("cancel", re.IGNORECASE)
        )
        await picture(page, "web-ui-cancelled")

        books = await exchange_books(place)
        sales = [fill for fill in books["fills"] if fill["side"] == "SELL"]
        after, untouched = await position(place, ours), await position(place, other)
        await check_histories(place, client)

        assert sum(float(fill["shares"]) for fill in sales) == pytest.approx(float(held.books.shares), abs=0.01)
        assert (after.state.value, str(after.exit_reason)) == ("closed", "cancelled")
        assert untouched.state.value == "open"
        assert float(books["shares"][token]) == pytest.approx(float(untouched.books.shares + after.books.shares))
