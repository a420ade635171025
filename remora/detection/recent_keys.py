"""Remember the newest trade keys, so that a redelivery costs nothing."""

from collections.abc import Iterable


class RecentKeys:
    """The newest `most` keys; older ones are forgotten, and PostgreSQL still knows them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: str) -> bool:
        """Remember a key; return whether it is new."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._most:
            del self._keys[next(iter(self._keys))]
        return True

    def update(self, keys: Iterable[str]) -> None:
        """Remember several keys."""
        for key in keys:
            self.add(key)
