"""Options that several commands have, said once."""

from typing import Annotated

import typer

Reason = Annotated[str, typer.Option(help="Why, for the record.")]
By = Annotated[str | None, typer.Option(help="Who, for the record.", show_default="you@this-machine")]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds to wait for the answer.")]
Account = Annotated[str | None, typer.Option(help="Account, if several have a desk.")]
RankedBy = Annotated[
    str | None,
    typer.Option(
        "--rank-by",
        help="What orders the roster: score_low or edge.",
        show_default="as the roster: REMORA_RANK_BY, or score_low",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
