"""Starts LocalStack 4.14.0 with the changes of ``patches`` (hop 3).

LocalStack stands for the AWS account: API Gateway, Kinesis (the streaming pipeline) and S3, to
which hops 6 and 7 write. The installed package stays as the registry has it.

    launch.py FOLDER    S3's objects and the streams of Kinesis are stored in FOLDER
"""

import sys
from pathlib import Path

from localstack.runtime.main import main
from patches import PATCHES
from patches.start import Start

from contract.settings import Settings
from localstack import config

if __name__ == "__main__":
    start = Start(Settings.from_environ(), Path(sys.argv[1]), Path(config.dirs.tmp))
    for patch in PATCHES:
        patch.install(start)
    main()
