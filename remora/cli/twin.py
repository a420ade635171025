"""``remora twin serve``: the simulated exchange on its own."""

import typer

app = typer.Typer(help="The exchange twin: a simulated exchange that speaks the real one's protocols.")


@app.callback()
def group() -> None:
    """Keep `twin` a group while it has one command."""


@app.command(
    "serve",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def serve(context: typer.Context) -> None:
    """Serve the exchange twin until Ctrl-C; `--help` lists its options."""
    from remora.venues.twin.serve import main

    raise typer.Exit(main(context.args))
