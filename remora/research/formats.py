"""Recorded files that can be imported: how each is recognised, and its rows in the store's terms."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from remora.research.tables import BUCKET_SQL

SECONDS_MAX: Final = 32_503_680_000
"""The year 3000: beyond it a number is not a time in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of file.

    `columns` must be there; `optional` ones are NULL when absent. `staged` reads `chunk` into the store's terms
    and gives each row the `reason` for which it is rejected, if any; `tables` are read from the staged rows;
    `notes` counts, by name, the staged rows that are kept but are worth knowing.
    """

    name: str
    columns: frozenset[str]
    optional: Mapping[str, str]
    staged: str
    tables: Mapping[str, str]
    notes: Mapping[str, str] = field(default_factory=dict)


class UnknownFormat(ValueError):
    """The columns of a file are those of no kind that can be imported."""


_AT = "to_timestamp({0})"
_TIME_OK = "coalesce({0} > 0 AND {0} < " + str(SECONDS_MAX) + ", false)"
_FINITE = "coalesce(isfinite({0}), false)"

_TAPE = f"""
    SELECT CASE WHEN {_TIME_OK.format("ts")} THEN {_AT.format("ts")} END AS happened_at,
        lower(trim(wallet)) AS wallet, lower(trim(market)) AS condition_id, outcome_index,
        coalesce($event, nullif(event_slug, '')) AS event_id,
        upper(CASE WHEN upper(coalesce(kind, 'TRADE')) IN ('MERGE', 'SPLIT') THEN kind ELSE side END) AS side,
        price, size, fee_rate, category, tx AS transaction_hash, winner_index,
        CASE WHEN upper(coalesce(kind, 'TRADE')) = 'REDEEM' THEN 'redeem'
             WHEN upper(coalesce(kind, 'TRADE')) NOT IN ('TRADE', 'MERGE', 'SPLIT') THEN 'not_a_trade'
             WHEN coalesce(trim(wallet), '') = '' THEN 'no_wallet'
             WHEN coalesce(trim(market), '') = '' THEN 'no_market'
             WHEN NOT {_TIME_OK.format("ts")} THEN 'bad_time'
             WHEN NOT {_FINITE.format("size")} THEN 'size_not_finite'
             WHEN size <= 0 THEN 'size_not_positive'
             WHEN upper(coalesce(kind, 'TRADE')) IN ('MERGE', 'SPLIT') THEN NULL
             WHEN coalesce(upper(side) NOT IN ('BUY', 'SELL'), true) THEN 'unknown_side'
             WHEN coalesce(outcome_index NOT IN (0, 1), true) THEN 'unknown_outcome'
             WHEN NOT {_FINITE.format("price")} THEN 'price_not_finite'
             WHEN price <= 0 OR price >= 1 THEN 'price_outside_0_1' END AS reason
    FROM (SELECT * REPLACE (CAST(ts AS DOUBLE) AS ts, CAST(price AS DOUBLE) AS price, CAST(size AS DOUBLE) AS size,
              CAST(side AS VARCHAR) AS side, CAST(kind AS VARCHAR) AS kind) FROM chunk)"""

_TRADES = f"""
    SELECT happened_at, happened_at AS known_at, wallet, condition_id, outcome_index, event_id, side, price, size,
        fee_rate, category, transaction_hash, 'fill' AS basis, {BUCKET_SQL} AS bucket, $batch AS batch
    FROM staged WHERE reason IS NULL"""

_TAPE_RESULTS = """
    SELECT DISTINCT to_timestamp($snapshot / 1e6) AS happened_at, to_timestamp($snapshot / 1e6) AS known_at,
        condition_id, CAST(winner_index = 0 AS DOUBLE) AS payout_first,
        CAST(winner_index = 1 AS DOUBLE) AS payout_second, 'snapshot' AS basis, $batch AS batch
    FROM staged WHERE winner_index IN (0, 1) AND condition_id <> ''"""

_POSITIONS = f"""
    SELECT CASE WHEN {_TIME_OK.format("first_ts")} THEN {_AT.format("first_ts")} END AS happened_at,
        CASE WHEN {_TIME_OK.format("last_ts")} THEN {_AT.format("greatest(first_ts, last_ts)")} END AS known_at,
        lower(trim(wallet)) AS wallet, lower(trim(market)) AS condition_id, outcome_index,
        coalesce($event, nullif(event_slug, '')) AS event_id, avg_price AS entry_price, buy_size AS bought,
        sell_size AS sold, trade_count AS fills, domain AS category, title, winner_index,
        CASE WHEN coalesce(trim(wallet), '') = '' THEN 'no_wallet'
             WHEN coalesce(trim(market), '') = '' THEN 'no_market'
             WHEN NOT {_TIME_OK.format("first_ts")} OR NOT {_TIME_OK.format("last_ts")} THEN 'bad_time'
             WHEN coalesce(outcome_index NOT IN (0, 1), true) THEN 'unknown_outcome'
             WHEN NOT {_FINITE.format("buy_size")} OR NOT {_FINITE.format("sell_size")} THEN 'size_not_finite'
             WHEN buy_size < 0 OR sell_size < 0 OR buy_size + sell_size = 0 THEN 'size_not_positive'
             WHEN buy_size > 0 AND NOT {_FINITE.format("avg_price")} THEN 'price_not_finite'
             WHEN buy_size > 0 AND (avg_price <= 0 OR avg_price >= 1) THEN 'price_outside_0_1' END AS reason
    FROM (SELECT * REPLACE (CAST(first_ts AS DOUBLE) AS first_ts, CAST(last_ts AS DOUBLE) AS last_ts)
          FROM chunk)"""

_POSITION_ROWS = """
    SELECT happened_at, known_at, wallet, condition_id, outcome_index, event_id, entry_price, bought, sold, fills,
        $batch AS batch
    FROM staged WHERE reason IS NULL"""

_POSITION_TRADES = f"""
    SELECT happened_at, known_at, wallet, condition_id, outcome_index, event_id, 'BUY' AS side,
        entry_price AS price, bought AS size, NULL AS fee_rate, category, NULL AS transaction_hash,
        CASE WHEN sold > 0 THEN 'entry_only' WHEN fills > 1 THEN 'mean' ELSE 'fill' END AS basis,
        {BUCKET_SQL} AS bucket, $batch AS batch
    FROM staged WHERE reason IS NULL AND bought > 0"""

_POSITION_MARKETS = """
    SELECT condition_id, any_value(title) AS question, NULL AS slug, any_value(event_id) AS event_id,
        any_value(category) AS category, NULL AS fee_rate, NULL AS opened_at, NULL AS ends_at,
        to_timestamp($snapshot / 1e6) AS known_at, $batch AS batch
    FROM staged WHERE condition_id <> '' GROUP BY condition_id"""

_MARKETS = """
    SELECT lower(trim(market)) AS condition_id, question, slug, coalesce($event, NULL) AS event_id,
        payout_first IS NOT NULL OR winner_index IS NOT NULL AS has_result,
        CASE WHEN payout_first IS NULL THEN CASE WHEN winner_index IN (0, 1) THEN 1.0 - winner_index END
             WHEN isfinite(payout_first) AND payout_first BETWEEN 0 AND 1 THEN payout_first END AS payout,
        try_cast(end_date AS TIMESTAMP WITH TIME ZONE) AS ends_at,
        try_cast(closed_time AS TIMESTAMP WITH TIME ZONE) AS closed_at,
        CASE WHEN coalesce(trim(market), '') = '' THEN 'no_market' END AS reason
    FROM chunk"""

_MARKET_ROWS = """
    SELECT condition_id, question, slug, event_id, NULL AS category, NULL AS fee_rate, NULL AS opened_at, ends_at,
        to_timestamp($snapshot / 1e6) AS known_at, $batch AS batch
    FROM staged WHERE reason IS NULL"""

_MARKET_RESULTS = """
    SELECT coalesce(closed_at, to_timestamp($snapshot / 1e6)) AS happened_at,
        coalesce(closed_at, to_timestamp($snapshot / 1e6)) AS known_at, condition_id,
        payout AS payout_first, 1.0 - payout AS payout_second,
        CASE WHEN closed_at IS NULL THEN 'snapshot' ELSE 'settled' END AS basis, $batch AS batch
    FROM staged WHERE reason IS NULL AND payout IS NOT NULL"""

_ODD_WINNER = "winner_index NOT IN (0, 1)"

_WALLETS = """
    SELECT DISTINCT wallet, CAST($complete AS BOOLEAN) AS complete, $coverage AS reason,
        to_timestamp($snapshot / 1e6) AS through, to_timestamp($snapshot / 1e6) AS known_at, $batch AS batch
    FROM staged WHERE reason IS NULL"""

FORMATS: Final = (
    Format(
        name="positions",
        columns=frozenset(
            {
                *("wallet", "market", "outcome_index", "avg_price", "buy_size", "sell_size", "trade_count"),
                *("first_ts", "last_ts"),
            }
        ),
        optional={"event_slug": "VARCHAR", "domain": "VARCHAR", "title": "VARCHAR", "winner_index": "TINYINT"},
        staged=_POSITIONS,
        tables={
            "positions": _POSITION_ROWS,
            "trades": _POSITION_TRADES,
            "markets": _POSITION_MARKETS,
            "resolutions": _TAPE_RESULTS,
            "coverage": _WALLETS,
        },
        notes={
            "entry_at_mean_price": "reason IS NULL AND bought > 0 AND fills > 1",
            "sold_at_unknown_price": "reason IS NULL AND bought > 0 AND sold > 0",
            "only_sold": "reason IS NULL AND bought = 0",
            "result_unusable": _ODD_WINNER,
        },
    ),
    Format(
        name="trades",
        columns=frozenset({"ts", "wallet", "market", "outcome_index", "side", "price", "size"}),
        optional={
            "kind": "VARCHAR",
            "tx": "VARCHAR",
            "event_slug": "VARCHAR",
            "category": "VARCHAR",
            "fee_rate": "DOUBLE",
            "winner_index": "TINYINT",
        },
        staged=_TAPE,
        tables={"trades": _TRADES, "resolutions": _TAPE_RESULTS, "coverage": _WALLETS},
        notes={
            "without_transaction": "reason IS NULL AND transaction_hash IS NULL",
            "amm_era": "reason IS NULL AND happened_at < TIMESTAMPTZ '2022-12-01 00:00:00+00'",
            "result_unusable": _ODD_WINNER,
        },
    ),
    Format(
        name="markets",
        columns=frozenset({"market", "question", "winner_index"}),
        optional={"slug": "VARCHAR", "end_date": "VARCHAR", "closed_time": "VARCHAR", "payout_first": "DOUBLE"},
        staged=_MARKETS,
        tables={"markets": _MARKET_ROWS, "resolutions": _MARKET_RESULTS},
        notes={
            "resolved_at_unknown_time": "reason IS NULL AND payout IS NOT NULL AND closed_at IS NULL",
            "not_resolved": "reason IS NULL AND NOT has_result",
            "result_unusable": "reason IS NULL AND has_result AND payout IS NULL",
            "payout_split": "reason IS NULL AND payout NOT IN (0, 1)",
        },
    ),
)


def recognise(columns: Collection[str]) -> Format:
    """Return the format that a file's columns are of; raise UnknownFormat."""
    found = next((form for form in FORMATS if form.columns <= set(columns)), None)
    if found is None:
        expected = "; or ".join(f"{form.name}: {', '.join(sorted(form.columns))}" for form in FORMATS)
        raise UnknownFormat(f"expected the columns of one kind ({expected}), found {', '.join(sorted(columns))}")
    return found
