"""The chain's part of the twin's own API: blocks and reorganisations now, faults, approvals, holding changes."""

import json
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from remora.domain.ids import ConditionId, WalletAddress
from remora.domain.money import ZERO, Side
from remora.domain.trades import TradeKind
from remora.venues.twin.chain.node import Node
from remora.venues.twin.public_side import PublicSide
from remora.venues.twin.scenario.identifiers import transaction_hash

_ADDRESS = r"^0x[0-9a-fA-F]{40}$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReorgBody(_Body):
    """``POST /chain/reorg``: transactions in `drop` never happened; the twin's own accounts' cannot be dropped."""

    depth: int = Field(ge=1, le=64)
    drop: tuple[str, ...] = ()


class ApprovalBody(_Body):
    """``POST /chain/approvals``: make a wallet one that never approved anything."""

    address: str = Field(pattern=_ADDRESS)


class GasBody(_Body):
    """``POST /chain/gas``: an account's coins for gas, in whole coins."""

    address: str = Field(pattern=_ADDRESS)
    coins: Decimal = Field(ge=0)


class ChangeBody(_Body):
    """``POST /changes``: a wallet's holding changes without a trade, right now."""

    wallet: str = Field(pattern=_ADDRESS)
    condition_id: ConditionId
    kind: TradeKind
    size: Decimal = Field(gt=0)
    outcome: int | None = Field(default=None, ge=0, le=1)
    side: Side = Side.SELL


class ChainControl:
    """Handlers over one node and the public record."""

    def __init__(self, node: Node, public: PublicSide) -> None:
        self._node = node
        self._public = public

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/chain", self.show),
            Route("/chain/mine", self.mine, methods=["POST"]),
            Route("/chain/reorg", self.reorganise, methods=["POST"]),
            Route("/chain/faults", self.set_faults, methods=["POST"]),
            Route("/chain/disconnect", self.disconnect, methods=["POST"]),
            Route("/chain/approvals", self.revoke, methods=["POST"]),
            Route("/chain/gas", self.set_gas, methods=["POST"]),
            Route("/changes", self.change, methods=["POST"]),
        ]

    async def show(self, _request: Request) -> JSONResponse:
        """Answer ``GET /chain``."""
        chain = self._node.chain
        body = {"head": chain.head.number, "hash": chain.head.hash, "timestamp": chain.head.timestamp}
        return JSONResponse({**body, "faults": self._node.faults.shown()})

    async def mine(self, _request: Request) -> JSONResponse:
        """Answer ``POST /chain/mine``: make a block now."""
        block = self._node.chain.mine(self._now())
        return JSONResponse({"head": block.number, "logs": len(block.logs)})

    async def reorganise(self, request: Request) -> JSONResponse:
        """Answer ``POST /chain/reorg``: replace the newest blocks; what is dropped leaves every public read."""
        body = ReorgBody.model_validate(await _json(request))
        ours = [name for name in body.drop if self._is_ours(name)]
        if ours:
            return JSONResponse({"error": f"settled with an account of the exchange: {ours}"}, status_code=409)
        dropped = self._node.chain.reorganise(body.depth, drop=body.drop, timestamp=self._now())
        for name in dropped:
            self._public.record.retract(name)
        return JSONResponse({"head": self._node.chain.head.number, "dropped": dropped})

    async def set_faults(self, request: Request) -> JSONResponse:
        """Answer ``POST /chain/faults``; `node` names a further node of the chain, at ``/{node}`` from then on."""
        try:
            wanted = dict(await _json(request))
            name = wanted.pop("node", None)
            faults = self._node.faults if name is None else self._node.nodes.faults_of(str(name))
            faults.set(wanted)
        except (TypeError, ValueError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        return JSONResponse(faults.shown())

    async def disconnect(self, _request: Request) -> JSONResponse:
        """Answer ``POST /chain/disconnect``: drop every subscriber."""
        return JSONResponse({"disconnected": self._node.nodes.disconnect_all()})

    async def revoke(self, request: Request) -> JSONResponse:
        """Answer ``POST /chain/approvals``."""
        body = ApprovalBody.model_validate(await _json(request))
        self._node.allowances.revoke_all(body.address.lower())
        return JSONResponse({"ok": True})

    async def set_gas(self, request: Request) -> JSONResponse:
        """Answer ``POST /chain/gas``."""
        body = GasBody.model_validate(await _json(request))
        self._node.senders.set_gas_money(body.address.lower(), int(body.coins * 10**18))
        return JSONResponse({"ok": True})

    async def change(self, request: Request) -> JSONResponse:
        """Answer ``POST /changes``."""
        body = ChangeBody.model_validate(await _json(request))
        listing = self._public.listings.condition(body.condition_id)
        if listing is None or body.kind is TradeKind.TRADE:
            what = "no such market" if listing is None else "a trade is made by POST /trades"
            return JSONResponse({"error": what}, status_code=404 if listing is None else 422)
        pairs = body.kind in (TradeKind.MERGE, TradeKind.SPLIT)
        outcome = None if pairs else body.outcome or 0
        now = self._public.now()
        digest = transaction_hash("change", self._public.record.number(), now)
        self._public.change(
            at=now,
            wallet=WalletAddress(body.wallet.lower()),
            condition_id=body.condition_id,
            kind=body.kind,
            outcome_index=outcome,
            side=body.side if body.kind is TradeKind.TRANSFER else None,
            size=body.size,
            usd=body.size if pairs else ZERO,
            transaction_hash=digest,
        )
        return JSONResponse({"transaction_hash": digest, "at": now.isoformat()})

    def _is_ours(self, name: str) -> bool:
        """Tell whether an account of the exchange took part: such a transaction is final in the exact books."""
        record = self._public.visible()
        found = self._node.chain.find(name)
        signed = found is not None and found.nonce > 0
        return signed or any(row.settled is not None for row in record.rows if row.transaction_hash == name)

    def _now(self) -> int:
        return int(self._public.now().timestamp())


async def _json(request: Request) -> Any:
    return json.loads(await request.body() or b"{}", parse_float=Decimal)
