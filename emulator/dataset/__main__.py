"""``python -m emulator.dataset load``."""

from emulator.dataset.cli import dataset

dataset(prog_name="pinpipe dataset")
