"""The execution of runs: the scheduler, the tasks of a run, and their processes."""
