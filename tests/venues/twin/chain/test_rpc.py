"""The chain as web3 and the official client see it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import decode
from eth_account import Account
from eth_typing import HexStr
from web3 import AsyncHTTPProvider, AsyncWeb3, WebSocketProvider
from web3.exceptions import ContractLogicError, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware
from web3.utils.subscriptions import LogsSubscription, NewHeadsSubscription

from remora.venues.twin.assembly import TwinOptions
from remora.venues.twin.chain import contracts as at
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket, address_of
from tests.venues.twin.conftest import Serve

WHALE = "0x" + "ab" * 20
ERC20 = [
    {
        "name": "approve",
        "type": "function",
        "stateMutability": "nonpayable",
        "inputs": [{"name": "spender", "type": "address"}, {"name": "amount", "type": "uint256"}],
        "outputs": [{"name": "", "type": "bool"}],
    },
    {
        "name": "allowance",
        "type": "function",
        "stateMutability": "view",
        "inputs": [{"name": "owner", "type": "address"}, {"name": "spender", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    },
    {
        "name": "balanceOf",
        "type": "function",
        "stateMutability": "view",
        "inputs": [{"name": "owner", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    },
]
SLOW = TwinOptions(
    data_lag=timedelta(0),
    mined_after=timedelta(0),
    confirmed_after=timedelta(0),
    block_time=timedelta(hours=1),
)
"""Blocks are made by hand."""


@pytest.fixture
async def twin(serve_twin: Serve) -> AsyncIterator[RunningTwin]:
    async with serve_twin(options=SLOW) as running:
        await running.fund(OUR_KEY)
        yield running


@pytest.fixture
async def market(twin: RunningTwin) -> TwinMarket:
    return await twin.list_market("Is it on chain?", price=0.5, fee_rate="0.04")


@pytest.fixture
async def web3(twin: RunningTwin) -> AsyncIterator[AsyncWeb3[Any]]:
    made: AsyncWeb3[Any] = AsyncWeb3(AsyncHTTPProvider(twin.urls["rpc_url"]))
    made.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    yield made
    await made.provider.disconnect()


async def _trade(twin: RunningTwin, token: str, **facts: Any) -> str:
    body = {"wallet": WHALE, "token_id": token, "side": "BUY", "price": 0.5, "size": 100} | facts
    return str((await twin.post("/trades", **body))["transaction_hash"])


def _filled(log: Any) -> dict[str, Any]:
    side, token, making, taking, fee, _, _ = decode(
        ["uint8", "uint256", "uint256", "uint256", "uint256", "bytes32", "bytes32"], bytes(log["data"])
    )
    topics = ["0x" + bytes(topic).hex() for topic in log["topics"]]
    return {
        "maker": "0x" + topics[2][26:],
        "taker": "0x" + topics[3][26:],
        "side": side,
        "token": str(token),
        "making": making,
        "taking": taking,
        "fee": fee,
    }


async def test_a_whales_purchase_is_a_makers_log_and_the_takers_own(
    twin: RunningTwin, web3: AsyncWeb3[Any], market: TwinMarket
) -> None:
    digest = await _trade(twin, market.yes)
    await twin.post("/chain/mine")

    found = await web3.eth.get_logs(
        {"address": [web3.to_checksum_address(name) for name in at.EXCHANGES], "topics": [at.ORDER_FILLED]}
    )

    fills = [_filled(log) for log in found]
    assert {"0x" + bytes(log["transactionHash"]).hex() for log in found} == {digest}
    assert [(fill["maker"] == WHALE, fill["taker"], fill["side"]) for fill in fills] == [
        (False, WHALE, 1),
        (True, at.STANDARD_EXCHANGE, 0),
    ]
    whale = fills[1]
    assert (whale["making"], whale["taking"], whale["fee"]) == (50_000_000, 100_000_000, 1_000_000)
    assert whale["token"] == market.yes


async def test_a_filter_by_wallet_finds_both_roles_and_nobody_else(
    twin: RunningTwin, web3: AsyncWeb3[Any], market: TwinMarket
) -> None:
    await _trade(twin, market.yes)
    await _trade(twin, market.no, maker=True, side="SELL", parts=2)
    await _trade(twin, market.yes, wallet="0x" + "cd" * 20)
    await twin.post("/chain/mine")

    word = "0x" + "00" * 12 + WHALE[2:]
    found = await web3.eth.get_logs({"topics": [at.ORDER_FILLED, None, [word]]})

    assert [(fill["maker"], fill["token"]) for fill in map(_filled, found)] == [
        (WHALE, market.yes),
        (WHALE, market.no),
        (WHALE, market.no),
    ]


async def test_a_neg_risk_market_settles_on_its_own_exchange(twin: RunningTwin, web3: AsyncWeb3[Any]) -> None:
    market = await twin.list_market("Which of them?", price=0.3, neg_risk=True)
    await _trade(twin, market.yes, price=0.3)
    await twin.post("/chain/mine")

    found = await web3.eth.get_logs({"topics": [at.ORDER_FILLED]})

    assert {log["address"].lower() for log in found} == {at.NEG_RISK_EXCHANGE}


async def test_ranges_beyond_the_head_or_the_limit_are_refused(
    twin: RunningTwin, web3: AsyncWeb3[Any], market: TwinMarket
) -> None:
    head = await web3.eth.block_number

    with pytest.raises(Web3RPCError, match="invalid block range"):
        await web3.eth.get_logs({"fromBlock": head, "toBlock": head + 1})
    await twin.post("/chain/reorg", depth=1)
    with pytest.raises(Web3RPCError, match="pruned"):
        await web3.eth.get_logs({"fromBlock": 1, "toBlock": 2})


async def test_subscribers_hear_heads_logs_and_what_a_reorganisation_removed(
    twin: RunningTwin, market: TwinMarket
) -> None:
    logs: asyncio.Queue[Any] = asyncio.Queue()
    heads: asyncio.Queue[Any] = asyncio.Queue()

    async def on_log(context: Any) -> None:
        logs.put_nowait(context.result)

    async def on_head(context: Any) -> None:
        heads.put_nowait(context.result)

    async with AsyncWeb3(WebSocketProvider(twin.urls["rpc_ws_url"])) as web3:
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        await web3.subscription_manager.subscribe(
            [
                LogsSubscription(
                    address=web3.to_checksum_address(at.STANDARD_EXCHANGE),
                    topics=[at.ORDER_FILLED, None, ["0x" + "00" * 12 + WHALE[2:]]],
                    handler=on_log,
                ),
                NewHeadsSubscription(handler=on_head),
            ]
        )
        handling = asyncio.create_task(web3.subscription_manager.handle_subscriptions(run_forever=True))
        digest = await _trade(twin, market.yes)
        await twin.post("/chain/mine")
        first = await asyncio.wait_for(logs.get(), 10)
        head = await asyncio.wait_for(heads.get(), 10)
        await twin.post("/chain/reorg", depth=1)
        removed, again = [await asyncio.wait_for(logs.get(), 10) for _ in range(2)]
        handling.cancel()
        await asyncio.gather(handling, return_exceptions=True)

    assert "0x" + bytes(first["transactionHash"]).hex() == digest
    assert head["number"] == first["blockNumber"]
    assert (removed["removed"], removed["blockHash"]) == (True, first["blockHash"])
    assert (again["removed"], again["transactionHash"]) == (False, first["transactionHash"])


async def test_a_dropped_trade_leaves_every_public_read(
    twin: RunningTwin, web3: AsyncWeb3[Any], market: TwinMarket
) -> None:
    digest = await _trade(twin, market.yes)
    kept = await _trade(twin, market.yes, size=7)
    await twin.post("/chain/mine")

    answer = await twin.post("/chain/reorg", depth=1, drop=[digest])

    assert answer["dropped"] == [digest]
    assert digest not in {"0x" + bytes(log["transactionHash"]).hex() for log in await web3.eth.get_logs({})}
    async with twin.client() as client:
        rows = [row async for row in client.list_trades(user=WHALE, taker_only=False).iter_items()]
        positions = [row async for row in client.list_positions(user=WHALE).iter_items()]
    assert [row.transaction_hash for row in rows] == [kept]
    assert [row.current_size for row in positions] == [Decimal(7)]


async def test_balances_and_allowances_are_those_of_the_exact_books(
    twin: RunningTwin, web3: AsyncWeb3[Any], market: TwinMarket
) -> None:
    ours = address_of(OUR_KEY)
    client = await twin.secure_client()
    await client.place_market_order(token_id=market.yes, side="BUY", amount=20, max_price=0.6)
    await client.close()
    books = await twin.books()
    dollars = web3.eth.contract(web3.to_checksum_address(at.COLLATERAL), abi=ERC20)
    shares = web3.eth.contract(
        web3.to_checksum_address(at.CONDITIONAL_TOKENS),
        abi=[
            {
                "name": "balanceOfBatch",
                "type": "function",
                "stateMutability": "view",
                "inputs": [{"name": "o", "type": "address[]"}, {"name": "i", "type": "uint256[]"}],
                "outputs": [{"name": "", "type": "uint256[]"}],
            }
        ],
    )

    assert Decimal(await dollars.functions.balanceOf(ours).call()).scaleb(-6) == Decimal(books["cash"])
    held = await shares.functions.balanceOfBatch([ours] * 2, [int(market.yes), int(market.no)]).call()
    assert Decimal(held[0]).scaleb(-6) == Decimal(books["shares"][market.yes])
    assert held[1] == 0
    with pytest.raises(ContractLogicError):
        await web3.eth.call({"to": web3.to_checksum_address(at.COLLATERAL), "data": HexStr("0x12345678")})


async def test_an_approval_signed_by_web3_counts_once_it_is_mined(twin: RunningTwin, web3: AsyncWeb3[Any]) -> None:
    account = Account.from_key(OUR_KEY)
    await twin.post("/chain/approvals", address=account.address)
    dollars = web3.eth.contract(web3.to_checksum_address(at.COLLATERAL), abi=ERC20)
    spender = web3.to_checksum_address(at.STANDARD_EXCHANGE)
    nonce = await web3.eth.get_transaction_count(account.address, "pending")
    unsigned = await dollars.functions.approve(spender, 5).build_transaction(
        {"from": account.address, "nonce": nonce}
    )

    sent = await web3.eth.send_raw_transaction(account.sign_transaction(unsigned).raw_transaction)

    with pytest.raises(Web3RPCError, match="already known"):
        await web3.eth.send_raw_transaction(account.sign_transaction(unsigned).raw_transaction)
    assert await dollars.functions.allowance(account.address, spender).call() == 0
    await twin.post("/chain/mine")
    receipt = await web3.eth.wait_for_transaction_receipt(sent, timeout=10)
    assert receipt["status"] == 1
    assert await dollars.functions.allowance(account.address, spender).call() == 5
    assert await web3.eth.get_transaction_count(account.address) == nonce + 1


async def test_a_node_refuses_a_transaction_of_another_chain_or_without_gas_money(
    twin: RunningTwin, web3: AsyncWeb3[Any]
) -> None:
    account = Account.from_key(OUR_KEY)
    call = {
        "to": web3.to_checksum_address(at.COLLATERAL),
        "data": "0x",
        "value": 0,
        "gas": 200_000,
        "gasPrice": 60_000_000_000,
        "nonce": 0,
    }

    with pytest.raises(Web3RPCError, match="invalid chain id"):
        await web3.eth.send_raw_transaction(account.sign_transaction({**call, "chainId": 1}).raw_transaction)
    await twin.post("/chain/gas", address=account.address, coins="0.0001")
    with pytest.raises(Web3RPCError, match="insufficient funds"):
        await web3.eth.send_raw_transaction(account.sign_transaction({**call, "chainId": 137}).raw_transaction)


async def test_our_own_trade_cannot_be_dropped(twin: RunningTwin, market: TwinMarket) -> None:
    client = await twin.secure_client()
    await client.place_market_order(token_id=market.yes, side="BUY", amount=20, max_price=0.6)
    await client.close()
    mined = 0
    while mined == 0:
        mined = (await twin.post("/chain/mine"))["logs"]
    digest = (await twin.books())["fills"][0]["transaction_hash"]

    refused = await twin.control.post("/chain/reorg", json={"depth": 1, "drop": [digest]})

    assert refused.status_code == 409


async def test_a_merge_is_a_transfer_to_the_adapter_with_its_own_log(
    twin: RunningTwin, web3: AsyncWeb3[Any], market: TwinMarket
) -> None:
    await twin.post("/changes", wallet=WHALE, condition_id=market.condition_id, kind="merge", size=30)
    await twin.post("/chain/mine")

    found = await web3.eth.get_logs({"topics": [[at.TRANSFER_BATCH, at.POSITIONS_MERGE]]})

    assert ["0x" + bytes(log["topics"][0]).hex() for log in found] == [at.TRANSFER_BATCH, at.POSITIONS_MERGE]
    tokens, amounts = decode(["uint256[]", "uint256[]"], bytes(found[0]["data"]))
    assert [str(token) for token in tokens] == [market.yes, market.no]
    assert list(amounts) == [30_000_000] * 2
