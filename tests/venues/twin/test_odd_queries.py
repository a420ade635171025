"""The public faces answer any query with JSON and never with a mistake of their own."""

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.twin import RunningTwin, TwinMarket

PATHS = {
    "gamma_url": (
        *("/markets/keyset", "/events/keyset", "/public-search", "/public-profile", "/tags", "/markets/1"),
        *("/events/1", "/markets/slug/x", "/events/slug/x", "/tags/1", "/tags/slug/x", "/markets/1/tags", "/none"),
    ),
    "data_url": (
        *("/v2/trades", "/v2/activity", "/v2/positions", "/v2/value", "/v2/tokens", "/v2/resolutions"),
        *("/v2/leaderboard", "/v2/user-stats", "/v2/prices-history", "/v2/approvals", "/v2/status", "/none"),
    ),
}
NAMES = st.sampled_from(
    [
        *("limit", "after_cursor", "cursor", "offset", "order", "ascending", "closed", "tag_id", "include_tag"),
        *("clob_token_ids", "condition_ids", "id", "slug", "question_ids", "end_date_min", "volume_num_min"),
        *("user", "address", "condition_id", "event_id", "token_id", "side", "taker_only", "start", "end", "type"),
        *("filter_type", "filter_amount", "status", "sort_by", "sort_direction", "interval", "bucket_seconds"),
        *("time_period", "category", "as_of", "q", "version", "uma_resolution_status", "limit_per_type", "page"),
    ]
)
VALUES = st.sampled_from(
    [
        *("", "0", "1", "-1", "2", "1e9", "9" * 40, "9" * 5_000, "nan", "inf", "-inf", "true", "None", "[]", "{}"),
        *("0x", "0x" + "ab" * 20, "0x" + "cd" * 32, "BUY", "TRADE", "OPEN", "CLOSED", "day", "PNL", "max", "ASC"),
        *("2026-11-01", "2026-11-01T00:00:00Z", "32503680000", "99999999999999", "cDow", "MA==", "\x00"),
        *("1,2,3", ",,,", "١٢", "🐋", "a" * 300),
    ]
) | st.text(st.characters(codec="utf-8"), max_size=10)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    target=st.sampled_from([(service, path) for service, paths in PATHS.items() for path in paths]),
    query=st.lists(st.tuples(NAMES, VALUES), max_size=4),
)
async def test_any_query_is_answered(
    twin: RunningTwin, twin_market: TwinMarket, target: tuple[str, str], query: list[tuple[str, str]]
) -> None:
    service, path = target

    answer = await twin.control.get(twin.urls[service] + path, params=httpx.QueryParams(tuple(query)))

    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert answer.status_code < 500, (path, query, answer.text)
    assert answer.status_code < 400 or body["error"]
