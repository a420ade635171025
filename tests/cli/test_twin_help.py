"""The help of `remora twin fault` names everything that can go wrong."""

from remora.cli.twin import fault
from remora.venues.twin.faults.switchboard import FaultKind


def test_every_kind_of_fault_is_named() -> None:
    words = set((fault.__doc__ or "").replace(",", " ").replace(";", " ").replace(".", " ").split())

    assert {kind.value for kind in FaultKind} - words == set()
