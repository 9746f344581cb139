"""One browser for all stories, real sites on data directories of their own, and a console that must stay silent."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.served import ServedSite, free_port, furnish, model_variables
from tests.e2e.stage import CHROMIUM, Stage, launch
from tests.support.model_server import ModelServer

PICTURES = Path("artifacts/e2e")
FAILED = pytest.StashKey[bool]()


@dataclass(frozen=True, slots=True)
class Furnished:
    """A data directory with tables and a cast, to be copied, and the session cookies of the cast."""

    data_dir: Path
    cookies: dict[str, str]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember what failed, so that its windows are pictured."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; where it is absent the stories are skipped, and fail where everything must be tested."""
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CHROMIUM} is not here. On Debian: sudo apt-get install chromium")
        pytest.skip(f"{CHROMIUM} is not here")
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def furnished(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    """Made once."""
    data_dir = tmp_path_factory.mktemp("furnished") / "data"
    return Furnished(data_dir, furnish(data_dir))


@pytest.fixture(scope="session")
def new_site(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ServedSite]:
    """Makes a site of its own for whoever asks; it is not started."""

    def make(**variables: str) -> ServedSite:
        data_dir = tmp_path_factory.mktemp("site") / "data"
        shutil.copytree(furnished.data_dir, data_dir)
        return ServedSite(data_dir, **variables)

    return make


@pytest.fixture(scope="session")
def rehearsal(new_site: Callable[..., ServedSite]) -> Iterator[ServedSite]:
    """The site as it is without a model."""
    with new_site() as site:
        yield site
    assert site.trouble == []


@pytest.fixture(scope="session")
def model_port() -> int:
    """Where the scripted model is, story after story."""
    return free_port()


@pytest.fixture
def model(model_port: int) -> Iterator[ModelServer]:
    """The scripted model, with nothing of the last story."""
    with ModelServer(port=model_port) as server:
        yield server


@pytest.fixture(scope="session")
def scripted(new_site: Callable[..., ServedSite], model_port: int) -> Iterator[ServedSite]:
    """The site with the scripted model behind it."""
    with new_site(**model_variables(model_port)) as site:
        yield site
    assert site.trouble == []


@pytest.fixture
def stage(browser: Browser, furnished: Furnished, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Where people enter; nothing may be wrong in any of their windows."""
    stage = Stage(browser, furnished.cookies)
    yield stage
    if request.node.stash.get(FAILED, False):
        _picture(stage, request.node.name)
    assert stage.close() == []


def _picture(stage: Stage, name: str) -> None:
    """What the windows of a failed story show."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    pages = [page for context in stage.contexts for page in context.pages]
    for number, page in enumerate(pages, 1):
        page.screenshot(path=PICTURES / f"{re.sub(r'[^a-z0-9]+', '-', name)}-{number}.png")
