"""What the supervisor has a process of its own do, so that it stays small itself.

Example: python -m pinpipe.engines.upkeep settle .run

``settle`` waits for services that were started again and runs the set-up steps that depend on them,
and ``down`` ends all services. Both have the settings of the last ``pinpipe up``.
"""

import sys
from pathlib import Path

from contract.errors import PipelineError
from pinpipe.engines.launches import Launches
from pinpipe.engines.native import NativeEngine
from pinpipe.output import report


def main(action: str, run_dir: Path) -> None:
    """Do what the command line names, for the services of the current folder."""
    engine = NativeEngine(Path.cwd(), Launches(run_dir).settings(), report)
    try:
        {"settle": engine.settle, "down": engine.down}[action]()
    except PipelineError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
