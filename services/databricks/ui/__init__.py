"""The pages that a person sees: the list of runs, and a run."""
