"""The runner, run."""
