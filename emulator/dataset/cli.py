"""``pinpipe dataset``: fills the source database with generated posts."""

import time
from collections.abc import Mapping

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from contract.errors import PipelineError
from contract.settings import Settings
from contract.values import MOST
from emulator import database
from emulator.dataset.load import load as load_dataset
from emulator.dataset.profile import BLOCK, MAX_SCALE


@click.group()
def dataset() -> None:
    """Generate the posts of the source database."""


@dataset.command()
@click.option("--url", help="SQLAlchemy URL of the database.  [default: SOURCE_DATABASE_URL]")
@click.option(
    "--scale",
    type=click.IntRange(1, MAX_SCALE),
    help=f"How many times {BLOCK:,} posts.  [default: DATASET_SCALE, or 1]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MOST),
    help="The same seed gives the same rows.  [default: DATASET_SEED, or 100]",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace existing rows, including those of other programs."
)
def load(url: str | None, scale: int | None, seed: int | None, overwrite: bool) -> None:
    """Fill the three tables of the source database, unless they are filled already.

    Without --scale, --seed and --overwrite, as at the start of the stack, existing rows stay,
    whoever wrote them. With one of these options this command replaces the rows that it wrote.

    Example: pinpipe dataset load --url sqlite:///posts.db --scale 10
    """
    try:
        # The password belongs to the database of SOURCE_DATABASE_URL alone.
        own = {"source_database_url": url, "source_database_password_file": ""} if url else {}
        settings = Settings.from_environ(None, **own)
        keep = scale is None and seed is None and not overwrite
        target = settings.source_database_url
        scale = scale or settings.dataset_scale
        seed = settings.dataset_seed if seed is None else seed
        console = Console(stderr=True)
        started = time.monotonic()
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as progress:
            task = progress.add_task("posts", total=scale * BLOCK)
            done = load_dataset(
                target,
                scale=scale,
                seed=seed,
                keep=keep,
                overwrite=overwrite,
                progress=lambda posts: progress.advance(task, posts),
            )
    except PipelineError as error:
        raise click.ClickException(str(error)) from error
    did = f"wrote in {time.monotonic() - started:.1f} s" if done.written else "left as they are"
    line = f"dataset: {_counts(done.rows)}, {done.origin}, in {database.shown(target)}: {did}; "
    line += done.why
    if not done.as_asked:
        where = " with the same --url" if url else ""
        command = f"pinpipe dataset load --scale {scale} --seed {seed}"
        line += f"; `{command}`{where} replaces them"
    click.echo(line, err=True)


def _counts(rows: Mapping[str, int]) -> str:
    posts, *others = rows.values()
    if all(count == posts for count in others):
        return f"{posts:,} posts, 3 rows each"
    return "rows: " + ", ".join(f"{table} {count:,}" for table, count in rows.items())
