"""Health checks for containers: ``python -m remora.embedded.probe http URL`` or ``worker QUEUE``."""

import asyncio
import os
import sys
from collections.abc import Sequence

from remora.embedded.health import answers_http, polls


def main(arguments: Sequence[str]) -> int:
    """Return 0 if healthy, 1 if not, 2 for a wrong call. A worker's server is TEMPORAL_ADDRESS."""
    match arguments:
        case ["http", url]:
            healthy = asyncio.run(answers_http(url))
        case ["worker", queue]:
            address = os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233")
            healthy = asyncio.run(polls(address, os.environ.get("TEMPORAL_NAMESPACE", "default"), queue))
        case _:
            sys.stderr.write("usage: python -m remora.embedded.probe http URL | worker QUEUE\n")
            return 2
    return 0 if healthy else 1


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # the Temporal client's threads may crash a process that ends in the ordinary way
    os._exit(code)
