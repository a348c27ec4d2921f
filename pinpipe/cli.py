"""The command line ``pinpipe``. Data goes to stdout, talk to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any, NoReturn

import click

from contract.entities import ENTITIES
from contract.errors import PipelineError
from contract.results import RESULTS
from hops.access import Access
from hops.errors import HopError
from pinpipe import output
from pinpipe.engines import engine
from pinpipe.engines.engine import Engine
from pinpipe.engines.status import State, Status
from pinpipe.errors import MachineError
from pinpipe.output import talk

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
HELP = {"--help", "-h"}
PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}
given = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
"""What a command hands on to a program of another folder."""


class _Pinpipe(click.Group):
    """A group that turns an error of ours into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PipelineError as error:
            raise click.ClickException(str(error)) from error


def _engine() -> Engine:
    return engine.choose(talk)


@click.group(cls=_Pinpipe)
@click.version_option(package_name="pinterest-data-pipeline")
def main() -> None:
    """Run the pinterest data pipeline on this machine, and look into each hop.

    Example: pinpipe up && pinpipe emulate batch --count 500 --rate max && pinpipe batch
    """
    engine.bypass_proxy()


@main.command()
@click.option(
    "--secure", is_flag=True, help="Have Kafka's clients log in over TLS, with IAM as on MSK."
)
def up(secure: bool) -> None:
    """Start every service that isn't running, and wait until all are healthy.

    With --secure Kafka takes no client without a login, until `pinpipe down`. KAFKA_AUTH=scram in
    .env makes it user and password instead of AWS keys.
    """
    from hops import airflow

    begun = time.monotonic()
    running = engine.secure(talk) if secure else _engine()
    running.up()
    client = Access(running.client_environment).settings
    talk(f"all healthy after {time.monotonic() - begun:.1f} s")
    talk(running.last_line("dataset-load"))
    if client.kafka_auth != "none":
        talk(f"Kafka's clients log in over TLS: KAFKA_AUTH={client.kafka_auth}")
    said = airflow.password(running)
    talk(f"Airflow: {client.airflow_url}, user {airflow.USER}, password {said}")


@main.command()
def password() -> None:
    """Print the password of Airflow's user admin, which its first start has made."""
    from hops import airflow

    click.echo(airflow.password(_engine()))


@main.command()
def token() -> None:
    """Print the token that clients of the Jobs API send."""
    from hops import databricks

    click.echo(databricks.token(_engine()))


@main.command()
@click.option("--volumes", "-v", is_flag=True, help="Forget the data of every service as well.")
def down(volumes: bool) -> None:
    """Stop every service; data stays unless --volumes is given."""
    _engine().down(forget=volumes)
    engine.leave_logins()


@main.command()
@as_json
def status(as_json: bool) -> None:
    """Show how each service and each failed connector stands. Exit code 1 when one isn't fine."""
    running = _engine()
    found = running.status()
    found += _failed_connectors(running, found)
    columns = ("service", "state", "pid", "ports", "MiB", "reason")
    _print_each(
        found,
        as_json,
        "",
        columns,
        lambda s: (s.service, s.state, s.pid, " ".join(map(str, s.ports)), s.memory_mib, s.reason),
    )
    sys.exit(0 if all(item.state.fine for item in found) else 1)


@main.command()
@click.option(
    "--target",
    type=click.Choice(list(engine.TARGETS)),
    default="local",
    show_default=True,
    help="Look at this machine, or at the account and the workspace of .env.aws.",
)
def doctor(target: str) -> None:
    """Say what keeps the stack from starting here, one line per problem with the remedy.

    With --target aws: what keeps the code from running on AWS and Databricks: variables,
    addresses, credentials, permissions, versions. Nothing is written there. What is fine goes to
    stderr. Exit code 1 when there is a problem.
    """
    if target != "local":
        from pinpipe.doctor.target import examine

        root = engine.project_root()
        found: Iterable[object] = examine(engine.environ(root, target=target), root)
    else:
        try:
            found = _engine().problems()
        except MachineError as error:
            found = error.problems
    missing = False
    for item in found:
        if getattr(item, "fine", False):
            talk(str(item))
        else:
            missing = True
            click.echo(str(item))
    if missing:
        sys.exit(1)
    talk("nothing is missing")


@main.command("engine")
def engine_name() -> None:
    """Print what runs the services here: docker or native (ENGINE in .env forces it)."""
    root = engine.project_root()
    click.echo(engine.chosen(root, engine.environ(root), talk))


@main.command()
@click.argument("service")
@click.option("--follow", "-f", is_flag=True, help="Go on as more is written, until Ctrl-C.")
def logs(service: str, follow: bool) -> None:
    """Print the output of SERVICE, as docker-compose.yml names it."""
    _engine().print_log(service, follow)


@main.command()
@click.option("--posts", default=500, show_default=True, help="How many posts to send.")
@click.option("--wait", default=120.0, show_default=True, help="Seconds that the sink may take.")
def demo(posts: int, wait: float) -> None:
    """Start the stack, send posts down both pipelines, print the results and the live metrics."""
    from pinpipe.demo import Demo
    from pinpipe.watch import watch as watch_live

    begun = time.monotonic()
    running = _engine()
    running.up()
    run = Demo(running, posts, wait, talk)
    try:
        run.run()
    finally:
        columns = ("pipeline", "hop", "what", *(entity.name for entity in ENTITIES))
        output.table(f"Rows of {posts} posts at each hop", columns, run.counts)
    access = Access(running.client_environment)
    _print_results(access, None, limit=10)
    watch_live(access, 5, None)
    talk(f"done in {time.monotonic() - begun:.1f} s; `pinpipe trace 7528` follows one post")


@main.command()
@click.argument("name", required=False, type=click.Choice([r.name for r in RESULTS]))
@click.option("--limit", default=20, show_default=True, help="Rows to show of each; 0 for all.")
@as_json
def results(name: str | None, limit: int, as_json: bool) -> None:
    """Show the nine historical results, or the one called NAME."""
    _print_results(_access(_engine()), name, limit, as_json)


@main.command()
@click.argument("key", type=click.IntRange(0))
@as_json
def trace(key: int, as_json: bool) -> None:
    """Follow the post KEY through its pipelines. Exit code 1 if it is missing at a hop."""
    from pinpipe.trace import trace as follow

    running = _engine()
    access = _access(running, "SOURCE_DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS")
    findings = follow(access, running.journal(), key)
    _print_each(
        findings,
        as_json,
        f"Post {key}",
        ("pipeline", "row", "hop", "", "where", "what"),
        lambda f: (f.pipeline, f.entity, f.hop, "ok" if f.found else "STOP", f.where, f.what),
    )
    sys.exit(0 if all(finding.found for finding in findings) else 1)


@main.command()
@click.option("--every", default=1.0, show_default=True, help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option("--top", default=5, show_default=True, help="Leaders to show of each window.")
def watch(every: float, once: bool, top: int) -> None:
    """Show the live metrics of the streaming pipeline, until Ctrl-C."""
    from pinpipe.watch import watch as follow

    follow(_access(_engine()), top, None if once else every)


@main.group()
def emulate() -> None:
    """Send posts as the users of Pinterest would."""


@emulate.command("batch", context_settings=PASS_ON)
@given
def emulate_batch(arguments: tuple[str, ...]) -> None:
    """Send posts down the batch pipeline: API Gateway, REST proxy, Kafka (--help for more)."""
    _become("emulator", arguments, *_emulated(arguments))


@emulate.command("streaming", context_settings=PASS_ON)
@given
def emulate_streaming(arguments: tuple[str, ...]) -> None:
    """Send posts down the streaming pipeline: API Gateway, Kinesis (--help for more)."""
    _become("emulator-streaming", arguments, *_emulated(arguments))


@main.group()
def dataset() -> None:
    """Look after the source database."""


@dataset.command("load", context_settings=PASS_ON)
@given
def dataset_load(arguments: tuple[str, ...]) -> None:
    """Fill the source database with generated posts (--help for more)."""
    own = any(argument.split("=")[0] == "--url" for argument in arguments)
    _become("dataset-load", arguments, *(() if own else ("SOURCE_DATABASE_URL",)))


@main.command(context_settings=PASS_ON)
@given
def batch(arguments: tuple[str, ...]) -> None:
    """Clean what is new in S3 into the Delta tables and compute the nine results (Spark)."""
    _become("spark", arguments, "AWS_ENDPOINT_URL")


@main.command()
def package() -> None:
    """Build what AWS takes into dist/, for the settings in .env.aws; say what each file is for."""
    from pinpipe.deploy.account import known
    from pinpipe.deploy.artefacts import artefacts, write

    root = engine.project_root()
    built = artefacts(root, known(engine.environ(root, target="aws")))
    write(built, root / "dist")
    output.table(
        "",
        ("dist/", "bytes", "for"),
        ((item.path, len(item.content), item.purpose) for item in built),
    )


@main.command()
@click.option("--dry-run", is_flag=True, help="Check and show each call; make none.")
def deploy(dry_run: bool) -> None:
    """Deploy dist/ to the account of .env.aws: the stacks, the files, MSK Connect and MWAA."""
    from contract.settings import Settings
    from pinpipe.deploy.account import known
    from pinpipe.deploy.calls import DryCalls, LiveCalls
    from pinpipe.deploy.deployment import Deployment
    from pinpipe.deploy.errors import DeployError

    root = engine.project_root()
    file = engine.TARGETS["aws"]
    if not dry_run and not (root / file).is_file():
        raise DeployError(f"there is no {file}: it says whose account it is, USER_ID for one")
    environment = known(engine.environ(root, target="aws"))
    settings = Settings.from_environ(environment)
    if dry_run:
        Deployment(DryCalls(click.echo), settings, root / "dist").run()
        return
    with closing(LiveCalls(settings.aws_region, environment, output.talk)) as calls:
        outputs = Deployment(calls, settings, root / "dist").run()
    output.table("Deployed", ("output", "value"), sorted(outputs.items()))


def _become(service: str, arguments: tuple[str, ...], *addresses: str) -> NoReturn:
    """Run a program of this stack in place of ``pinpipe``.

    Args:
        service: the program, as docker-compose.yml names it.
        arguments: its arguments.
        addresses: variables of the services that it calls, which must be this stack's; none with
            ``--help``.
    """
    running = _engine()
    if not HELP.intersection(arguments):
        running.require(*addresses)
    sys.exit(running.one_shot(service, arguments).foreground())


def _emulated(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Variables of what the emulator calls."""
    return ("SOURCE_DATABASE_URL", *(() if "--dry-run" in arguments else ("GATEWAY_INVOKE_URL",)))


def _access(running: Engine, *addresses: str) -> Access:
    """Clients of the Delta tables, and of what is at the variables ``addresses``.

    Raises:
        SettingError: a setting has a value that can't be used.
        StackError: a service at one of the addresses isn't this stack's.
    """
    access = Access(running.client_environment)
    if access.settings.batch_root.startswith("s3"):
        addresses = (*addresses, "AWS_ENDPOINT_URL")
    running.require(*addresses)
    return access


def _failed_connectors(running: Engine, found: Sequence[Status]) -> list[Status]:
    """State of each connector that has failed, where the worker can be asked."""
    from hops import connect

    if not any(s.service == connect.HOP and s.state is State.HEALTHY for s in found):
        return []
    try:
        failed = list(connect.failures(Access(running.client_environment)))
    except HopError as error:
        return [Status(connect.HOP, State.UNHEALTHY, str(error))]
    return [Status(f"connector {name}", State.FAILED, cause) for name, cause in failed]


def _print_each(
    found: Sequence[Any],
    as_json: bool,
    title: str,
    columns: Sequence[str],
    row: Callable[[Any], Sequence[Any]],
) -> None:
    """Print dataclasses as JSON, or as a table."""
    if as_json:
        output.as_json([asdict(item) for item in found])
    else:
        output.table(title, columns, map(row, found))


def _print_results(access: Access, name: str | None, limit: int, as_json: bool = False) -> None:
    from hops import tables

    found = []
    for result in RESULTS:
        if name in (None, result.name):
            table = tables.result(access, result)
            if table is None:
                raise HopError(tables.HOP, f"no result {result.name} yet: run `pinpipe batch`")
            found.append((result, table))
    if as_json:
        output.as_json({result.name: table.rows for result, table in found})
        return
    for result, table in found:
        rows = table.rows[: limit or None]
        more = f" ({len(rows)} of {len(table.rows)} rows)" if len(rows) < len(table.rows) else ""
        output.table(
            f"{result.name}. {result.question}{more}",
            result.columns,
            (tuple(row[c] for c in result.columns) for row in rows),
        )


if __name__ == "__main__":
    main()
