"""What reached a position and was not dealt with yet."""

from dataclasses import dataclass, field

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from remora.domain.ids import TokenId
    from remora.domain.market import ResolutionStatus
    from remora.domain.money import Side
    from schemas.position import (
        AdjustExitsRequest,
        CloseRequest,
        MarketChanged,
        PriceCrossed,
        Reduce,
        ResolveUnknownRequest,
        SignalMessage,
    )


@dataclass(slots=True)
class Inbox:
    """Messages by kind; a trade delivered again is dropped."""

    token_id: TokenId
    seen: set[str] = field(default_factory=set)
    purchases: list[SignalMessage] = field(default_factory=list)
    sales: list[SignalMessage] = field(default_factory=list)
    reductions: list[Reduce] = field(default_factory=list)
    adjustments: list[AdjustExitsRequest] = field(default_factory=list)
    findings: list[ResolveUnknownRequest] = field(default_factory=list)
    crossing: PriceCrossed | None = None
    market: MarketChanged | None = None
    close: CloseRequest | None = None
    orders_changed: bool = False
    _arrived: dict[str, int] = field(default_factory=dict)

    def put_trade(self, signal: SignalMessage) -> None:
        """Take a whale's trades in once; buying the other outcome counts as a sale of ours."""
        fresh = signal.beyond(self.seen)
        if fresh is None:
            return
        self.seen.update(fresh.trade_keys)
        self._arrived.setdefault(fresh.key, len(self._arrived))
        buys_ours = fresh.side is Side.BUY and fresh.token_id == self.token_id
        (self.purchases if buys_ours else self.sales).append(fresh)

    def put_reduction(self, reduction: Reduce) -> None:
        """Take a reduction in once."""
        if reduction.key and reduction.key in self.seen:
            return
        if reduction.key:
            self.seen.add(reduction.key)
        self.reductions.append(reduction)

    @property
    def handed_on(self) -> list[SignalMessage]:
        """What waits from the first purchase on, as it arrived; a sale before it concerns what is gone."""
        waiting = sorted((*self.purchases, *self.sales), key=lambda signal: self._arrived[signal.key])
        while waiting and waiting[0] not in self.purchases:
            del waiting[0]
        return waiting

    @property
    def any(self) -> bool:
        """Whether an open position has something to do."""
        return bool(
            self.purchases
            or self.sales
            or self.reductions
            or self.adjustments
            or self.findings
            or self.crossing
            or self.market
            or self.close
            or self.orders_changed
        )

    @property
    def market_ended(self) -> bool:
        """Whether the last news of the market is that it resolved or closed."""
        return self.market is not None and (
            self.market.closed or self.market.resolution is ResolutionStatus.RESOLVED
        )
