"""A site that executes, as the stories of the runner have it."""

from tests.runner.conftest import model, site

__all__ = ["model", "site"]
