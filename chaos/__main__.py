"""``python -m chaos``: kill processes and inject faults by a seed, then check that everything adds up."""

import argparse
import asyncio
import json
import sys

from chaos.report import as_json, as_text, shortfalls
from chaos.run import WINDOW_S, run


def main() -> int:
    """Run once; return 0 when nothing was lost or doubled and enough happened, else 1 with the seed."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides what is done when")
    parser.add_argument("--rounds", type=int, default=200, help="one kill, stall or fault each")
    parser.add_argument("--window", type=float, default=WINDOW_S, help="seconds a round lasts")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    options = parser.parse_args()

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    say(f"seed {options.seed}, {options.rounds} rounds of {options.window:g} s")
    outcome = asyncio.run(run(options.seed, options.rounds, window_s=options.window, say=say))
    print(json.dumps(as_json(outcome), indent=2) if options.json else as_text(outcome))
    return 1 if outcome.broken or shortfalls(outcome) else 0


if __name__ == "__main__":
    sys.exit(main())
