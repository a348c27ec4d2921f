"""Runs on their way: the scheduler, a run's tasks, and the processes that run them."""
