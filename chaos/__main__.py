"""``python -m chaos``: kill processes and inject faults by a seed, then check that everything adds up."""

import argparse
import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path

from chaos.crash import crash_everywhere, part_of
from chaos.life_kinds import LIVES
from chaos.report import as_json, as_text, burst_text, crash_text, plain, shortfalls
from chaos.run import WINDOW_S, run
from chaos.watchers import LET_TRADE, burst
from remora.domain.ids import WalletAddress


def main() -> int:
    """Run once; return 0 when nothing was lost or doubled and enough happened, else 1."""
    options = _parser().parse_args()
    if options.crash_points:
        wanted = options.point or options.part
        kinds = options.life or tuple(LIVES)
        crashed = asyncio.run(crash_everywhere(wanted, kinds=kinds, logs=options.logs, say=_say))
        print(json.dumps(plain(crashed), indent=2) if options.json else crash_text(crashed))
        return 1 if crashed.broken or crashed.missed else 0
    if options.tape is not None:
        wallets = [WalletAddress(wallet) for wallet in options.wallet]
        policy = LET_TRADE if options.let_trade else {}
        played = asyncio.run(
            burst(options.tape, wallets, options.start, options.end, policy=policy, logs=options.logs)
        )
        print(json.dumps(plain(played), indent=2) if options.json else burst_text(played))
        return 1 if played.broken or not played.told else 0
    _say(f"seed {options.seed}, {options.rounds} rounds of {options.window:g} s")
    outcome = asyncio.run(run(options.seed, options.rounds, window_s=options.window, logs=options.logs, say=_say))
    print(json.dumps(as_json(outcome), indent=2) if options.json else as_text(outcome))
    return 1 if outcome.broken or shortfalls(outcome) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides what is done when")
    parser.add_argument("--rounds", type=int, default=200, help="one kill, stall or fault each")
    parser.add_argument("--window", type=float, default=WINDOW_S, help="seconds a round lasts")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument(
        "--crash-points", action="store_true", help="instead: die at every await of the order path"
    )
    parser.add_argument("--point", action="append", help="with --crash-points: only at this one; may be repeated")
    parser.add_argument(
        "--part", type=part_of, metavar="N/M", help="with --crash-points: every M-th from the N-th on"
    )
    parser.add_argument("--life", action="append", choices=LIVES, help="with --crash-points: only such positions")
    parser.add_argument("--logs", type=Path, help="leave the processes' logs in this directory")
    parser.add_argument(
        "--tape", type=Path, help="instead: play a tape before two watchers; --from, --to, --wallet"
    )
    parser.add_argument("--from", dest="start", type=datetime.fromisoformat, help="ISO, with its offset")
    parser.add_argument("--to", dest="end", type=datetime.fromisoformat, help="ISO, with its offset")
    parser.add_argument(
        "--let-trade", action="store_true", help="with --tape: also in the classes denied by default"
    )
    parser.add_argument("--wallet", action="append", default=[], help="whom to follow on the tape")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
