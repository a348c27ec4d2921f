"""The command line ``pinpipe``. Data goes to stdout, progress messages to stderr."""

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
from contract.values import MOST, positive_seconds, seconds
from hops.access import Access
from hops.errors import HopError
from pinpipe import output
from pinpipe.engines import engine
from pinpipe.engines.engine import Engine
from pinpipe.engines.status import State, Status
from pinpipe.errors import MachineError, StackError
from pinpipe.output import report

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
COUNT = click.IntRange(1, MOST)
HELP = {"--help", "-h"}
PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}
program_arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
"""Arguments that a command passes to the program that it runs."""


class _Pinpipe(click.Group):
    """A group that prints a PipelineError as one line and ends with exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except PipelineError as error:
            raise click.ClickException(str(error)) from error


def _engine() -> Engine:
    return engine.choose(report)


@click.group(cls=_Pinpipe)
@click.version_option(package_name="pinterest-data-pipeline")
def main() -> None:
    """Run the Pinterest data pipeline on this machine and inspect each hop.

    Example: pinpipe up && pinpipe emulate batch --count 500 --rate max && pinpipe batch
    """
    engine.bypass_proxy()


@main.command()
@click.option("--secure", is_flag=True, help="Require a login at Kafka: TLS, with IAM as on MSK.")
def up(secure: bool) -> None:
    """Start every service and wait until all are healthy.

    With --secure, Kafka refuses clients without a login until `pinpipe down`. KAFKA_AUTH=scram in
    .env selects user and password instead of AWS keys.
    """
    from hops import airflow

    begun = time.monotonic()
    running = engine.secure(report) if secure else _engine()
    running.up()
    client = Access(running.client_environment).settings
    report(f"all healthy after {time.monotonic() - begun:.1f} s")
    report(running.last_line("dataset-load"))
    if client.kafka_auth != "none":
        report(f"Kafka's clients log in over TLS: KAFKA_AUTH={client.kafka_auth}")
    secret = airflow.password(running)
    report(f"Airflow: {client.airflow_url}, user {airflow.USER}, password {secret}")


@main.command()
@click.argument("service", type=click.Choice(["airflow", "connect"]), default="airflow")
def password(service: str) -> None:
    """Print a generated password: Airflow's, user admin, or that of Kafka Connect's REST API.

    Example: curl --user "connect:$(pinpipe password connect)" http://127.0.0.1:8083/connectors
    """
    from hops import airflow, connect

    read = {"airflow": airflow.password, "connect": connect.password}[service]
    click.echo(read(_engine()))


@main.command()
def token() -> None:
    """Print the token for the Jobs API of the local Databricks."""
    from hops import databricks

    click.echo(databricks.token(_engine()))


@main.command()
@click.option("--volumes", "-v", is_flag=True, help="Delete the data of every service, too.")
def down(volumes: bool) -> None:
    """Stop every service; keep the data unless --volumes is given."""
    _engine().down(forget=volumes)
    engine.leave_logins()


@main.command()
@as_json
def status(as_json: bool) -> None:
    """Show the state of each service. Exit code 1 if a service or connector isn't healthy."""
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
    help="Check this machine, or the AWS account and Databricks workspace of .env.aws.",
)
def doctor(target: str) -> None:
    """List the problems that prevent a start, each with its remedy.

    With --target aws, check what the code needs on AWS and Databricks: variables, addresses,
    credentials, permissions and versions. Nothing is written there. Checks that pass are printed
    to stderr. Exit code 1 if there is a problem.
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
    failed = False
    for item in found:
        if getattr(item, "fine", False):
            report(str(item))
        else:
            failed = True
            click.echo(str(item))
    if failed:
        sys.exit(1)
    report("no problem found")


@main.command("engine")
def engine_name() -> None:
    """Print the engine: docker or native (ENGINE in .env sets it)."""
    root = engine.project_root()
    click.echo(engine.chosen(root, engine.environ(root), report))


@main.command()
@click.argument("service")
@click.option("--follow", "-f", is_flag=True, help="Print new lines, too, until Ctrl-C.")
def logs(service: str, follow: bool) -> None:
    """Print the log of a service of docker-compose.yml, such as kafka."""
    _engine().print_log(service, follow)


@main.command()
@click.option(
    "--posts", type=COUNT, default=500, show_default=True, help="Number of posts to send."
)
@click.option(
    "--wait", type=seconds, default=120, show_default=True, help="Seconds to wait for the S3 sink."
)
def demo(posts: int, wait: float) -> None:
    """Start the stack, send posts, print results and live metrics."""
    from pinpipe.demo import Demo
    from pinpipe.watch import watch as watch_live

    begun = time.monotonic()
    running = _engine()
    running.up()
    run = Demo(running, posts, wait, report)
    try:
        run.run()
    finally:
        columns = ("pipeline", "hop", "what", *(entity.name for entity in ENTITIES))
        output.table(f"Rows of {posts} posts at each hop", columns, run.counts)
    access = Access(running.client_environment)
    _print_results(access, None, limit=10)
    watch_live(access, 5, None)
    report(f"done in {time.monotonic() - begun:.1f} s; `pinpipe trace 7528` follows one post")
    user_id = access.settings.user_id
    report(
        f"its posts are in the topics {user_id}.*, the streams streaming-{user_id}-* and the tables"
        f" {user_id}_*; `pinpipe down --volumes`, then `pinpipe up`, begins without them"
    )


@main.command()
@click.argument("name", required=False, type=click.Choice([r.name for r in RESULTS]))
@click.option(
    "--limit",
    type=click.IntRange(0, MOST),
    default=20,
    show_default=True,
    help="Rows of each result; 0 for all.",
)
@as_json
def results(name: str | None, limit: int, as_json: bool) -> None:
    """Show the results of the batch pipeline, all or only one."""
    _print_results(_access(_engine()), name, limit, as_json)


@main.command()
@click.argument("key", type=click.IntRange(0, MOST))
@as_json
def trace(key: int, as_json: bool) -> None:
    """Follow the post KEY from hop to hop. Exit code 1 if a hop doesn't have it.

    Example: pinpipe trace 7528
    """
    from pinpipe.trace import trace as follow

    running = _engine()
    access = _access(running, "SOURCE_DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS")
    findings = follow(access, running.outbox(), key)
    _print_each(
        findings,
        as_json,
        f"Post {key}",
        ("pipeline", "row", "hop", "", "where", "what"),
        lambda f: (f.pipeline, f.entity, f.hop, "ok" if f.found else "STOP", f.where, f.what),
    )
    sys.exit(0 if all(finding.found for finding in findings) else 1)


@main.command()
@click.option(
    "--every",
    type=positive_seconds,
    default=1,
    show_default=True,
    help="Seconds between two refreshes.",
)
@click.option("--once", is_flag=True, help="Print the metrics once and exit.")
@click.option(
    "--top", type=COUNT, default=5, show_default=True, help="Rows to show of each ranking."
)
def watch(every: float, once: bool, top: int) -> None:
    """Show the live metrics of the streaming pipeline until Ctrl-C."""
    from pinpipe.watch import watch as follow

    follow(_access(_engine()), top, None if once else every)


@main.group()
def emulate() -> None:
    """Send posts as users of Pinterest do."""


@emulate.command("batch", context_settings=PASS_ON)
@program_arguments
def emulate_batch(arguments: tuple[str, ...]) -> None:
    """Send posts to the batch pipeline, that is to Kafka."""
    _run_program("emulator", arguments, *_emulator_addresses(arguments))


@emulate.command("streaming", context_settings=PASS_ON)
@program_arguments
def emulate_streaming(arguments: tuple[str, ...]) -> None:
    """Send posts to the streaming pipeline, that is to Kinesis."""
    _run_program("emulator-streaming", arguments, *_emulator_addresses(arguments))


@main.group()
def dataset() -> None:
    """Manage the source database."""


@dataset.command("load", context_settings=PASS_ON)
@program_arguments
def dataset_load(arguments: tuple[str, ...]) -> None:
    """Fill the source database with generated posts."""
    own = any(argument.split("=")[0] == "--url" for argument in arguments)
    _run_program("dataset-load", arguments, *(() if own else ("SOURCE_DATABASE_URL",)))


@main.command(context_settings=PASS_ON)
@program_arguments
def batch(arguments: tuple[str, ...]) -> None:
    """Run the Spark batch job on new S3 objects: tables and results."""
    _run_program("spark", arguments, "AWS_ENDPOINT_URL")


@main.command()
def package() -> None:
    """Build the files for AWS and Databricks into dist/."""
    from pinpipe.deploy.account import without_placeholders
    from pinpipe.deploy.artefacts import artefacts, write

    root = engine.project_root()
    built = artefacts(root, without_placeholders(engine.environ(root, target="aws")))
    write(built, root / "dist")
    output.table(
        "",
        ("dist/", "bytes", "for"),
        ((item.path, len(item.content), item.purpose) for item in built),
    )


@main.command()
@click.option("--dry-run", is_flag=True, help="Check and print each AWS call without sending it.")
@click.option(
    "--parameter",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="Change a parameter of the templates; later deployments keep it.",
)
def deploy(dry_run: bool, parameters: tuple[str, ...]) -> None:
    """Deploy the files of dist/ to the AWS account of .env.aws."""
    from contract.settings import Settings
    from pinpipe.deploy.account import without_placeholders
    from pinpipe.deploy.calls import DryCalls, LiveCalls
    from pinpipe.deploy.deployment import Deployment
    from pinpipe.deploy.errors import DeployError

    root = engine.project_root()
    file = engine.TARGETS["aws"]
    if not dry_run and not (root / file).is_file():
        raise DeployError(f"there is no {file}: copy .env.aws.example and fill it in")
    environment = without_placeholders(engine.environ(root, target="aws"))
    # On AWS anybody can call the API: without a setting it demands a key.
    key = environment.get("GATEWAY_AUTH") or "api_key"
    settings = Settings.from_environ(environment, gateway_auth=key, gateway_api_key_file="")
    changed = {}
    for parameter in parameters:
        name, separator, value = parameter.partition("=")
        if not separator:
            raise click.BadParameter(f"{parameter!r} is not NAME=VALUE", param_hint="'--parameter'")
        changed[name] = value
    if dry_run:
        Deployment(DryCalls(click.echo), settings, root / "dist", changed).run()
        return
    with closing(LiveCalls(settings.aws_region, environment, output.report)) as calls:
        outputs = Deployment(calls, settings, root / "dist", changed).run()
    output.table("Deployed", ("output", "value"), sorted(outputs.items()))


def _run_program(service: str, arguments: tuple[str, ...], *addresses: str) -> NoReturn:
    """Run a one-shot of this stack and end with its exit code.

    Args:
        service: the one-shot, as docker-compose.yml names it.
        arguments: its arguments.
        addresses: variables of the services that it calls, which must belong to this stack; they
            aren't checked with ``--help``.
    """
    if HELP.intersection(arguments):
        running = engine.for_help(service)
    else:
        running = _engine()
        running.require(*addresses)
    sys.exit(running.one_shot(service, arguments).foreground())


def _emulator_addresses(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Variables of the services that the emulator calls."""
    return ("SOURCE_DATABASE_URL", *(() if "--dry-run" in arguments else ("GATEWAY_INVOKE_URL",)))


def _access(running: Engine, *addresses: str) -> Access:
    """Clients of the Delta tables and of the services at the variables ``addresses``.

    Raises:
        SettingError: a setting has an invalid value.
        StackError: an address belongs to another stack, or nothing listens there.
    """
    access = Access(running.client_environment)
    if access.settings.batch_root.startswith("s3"):
        addresses = (*addresses, "AWS_ENDPOINT_URL")
    running.require(*addresses)
    return access


def _failed_connectors(running: Engine, found: Sequence[Status]) -> list[Status]:
    """State of each connector that has failed, if the worker of Kafka Connect is healthy."""
    from hops import connect

    if not any(s.service == connect.HOP and s.state is State.HEALTHY for s in found):
        return []
    try:
        failed = list(
            connect.failures(Access(running.client_environment), connect.password(running))
        )
    except (HopError, StackError) as error:
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
