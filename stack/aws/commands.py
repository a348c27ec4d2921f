"""`pinpipe package` and `pinpipe deploy`."""

from __future__ import annotations

import click

from stack import engine, show


@click.command()
def package() -> None:
    """Build what AWS takes into dist/, for the settings in .env.aws; say what each file is for."""
    from stack.aws.account import known
    from stack.aws.artefacts import artefacts, write

    root = engine.project_root()
    built = artefacts(root, known(engine.environ(root, target="aws")))
    write(built, root / "dist")
    show.table(
        "",
        ("dist/", "bytes", "for"),
        ((item.path, len(item.content), item.purpose) for item in built),
    )


@click.command()
@click.option("--dry-run", is_flag=True, help="Check and show each call; make none.")
def deploy(dry_run: bool) -> None:
    """Deploy dist/ to the account of .env.aws: the stacks, the files, MSK Connect and MWAA."""
    from contract.settings import Settings
    from stack.aws.account import known
    from stack.aws.calls import DryCalls, LiveCalls
    from stack.aws.deploy import Deployment
    from stack.aws.errors import DeployError

    root = engine.project_root()
    file = engine.TARGETS["aws"]
    if not dry_run and not (root / file).is_file():
        raise DeployError(f"there is no {file}: it says whose account it is, USER_ID for one")
    environment = known(engine.environ(root, target="aws"))
    settings = Settings.from_environ(environment)
    if dry_run:
        Deployment(DryCalls(click.echo), settings, root / "dist").run()
        return
    calls = LiveCalls(settings.aws_region, environment, show.talk)
    try:
        outputs = Deployment(calls, settings, root / "dist").run()
    finally:
        calls.close()
    show.table("Deployed", ("output", "value"), sorted(outputs.items()))
