"""Where a venue lives: production, or a twin that speaks the same protocols."""

from dataclasses import dataclass

import httpx

from remora.venues.venue import VenueUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses of one venue; `control_url` is the twin's own and empty elsewhere.

    `rpc_ws_urls` are nodes of the chain that push logs, tried in turn; the venue itself runs none.
    """

    name: str
    clob_url: str
    gamma_url: str
    data_url: str
    relayer_url: str
    rpc_url: str
    market_ws_url: str
    user_ws_url: str
    rtds_ws_url: str
    geoblock_url: str
    control_url: str = ""
    rpc_ws_urls: tuple[str, ...] = ()

    @classmethod
    def production(cls) -> "Endpoints":
        """Return Polymarket's addresses."""
        return cls(
            name="polymarket",
            clob_url="https://clob.polymarket.com",
            gamma_url="https://gamma-api.polymarket.com",
            data_url="https://data-api.polymarket.com",
            relayer_url="https://relayer-v2.polymarket.com",
            rpc_url="https://polygon.drpc.org",
            market_ws_url="wss://ws-subscriptions-clob.polymarket.com/ws/market",
            user_ws_url="wss://ws-subscriptions-clob.polymarket.com/ws/user",
            rtds_ws_url="wss://ws-live-data.polymarket.com",
            geoblock_url="https://polymarket.com/api/geoblock",
        )

    @classmethod
    async def from_twin(cls, control_url: str) -> "Endpoints":
        """Ask a twin where it listens; raise VenueUnavailable when it does not answer."""
        try:
            async with httpx.AsyncClient(base_url=control_url, trust_env=False, timeout=5.0) as client:
                answer = (await client.get("/endpoints")).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise VenueUnavailable(f"no twin answers at {control_url}: start it with remora up") from error
        names = cls.__dataclass_fields__.keys() - {"name", "control_url", "rpc_url", "rpc_ws_urls"}
        found = {name: str(answer[name]) for name in names}
        nodes = (str(answer["rpc_ws_url"]),)
        return cls(
            name="twin", control_url=control_url, rpc_url=str(answer["rpc_url"]), rpc_ws_urls=nodes, **found
        )
