"""A command that prints in colours while Alice watches: pieces, the page and the end look the same."""

import re
from uuid import UUID

import pytest

from agentsite.core.text import utf16_length
from sessions_app import broker
from sessions_app.models import Step
from sessions_app.rendering.ansi import output_to_html
from sessions_app.services import tool_steps
from sessions_app.services.holds import Delta
from sessions_app.services.recording import Ending
from sessions_app.services.text import flush_text
from sessions_app.types import StepStatus
from tests.support.json_client import sync
from tests.support.scribe import Scribe
from tests.web.test_html_socket import Page

pytestmark = pytest.mark.django_db(transaction=True)


def started(scribe: Scribe) -> Step:
    """A command that runs."""
    step = scribe.plan_tool(ask=False)
    return tool_steps.start_step(hold=scribe.held, pending=(), step=step, arguments={"command": "ls"})


def prints(scribe: Scribe, step: Step, before: str, text: str) -> None:
    """A piece of output in the live lane."""
    off = utf16_length(before)
    broker.carry(broker.LiveText(scribe.session.id, scribe.held.run_id, step.id, "output", off, text))


def shown(page: Page, step_id: UUID) -> str:
    """What stands in the call's terminal, neighbours of the same look joined."""
    found = re.search(rf'<pre id="step-{step_id}-output"[^>]*>(.*?)</pre>', page.items[f"item-{step_id}"], re.DOTALL)
    assert found is not None
    return re.sub(r'</span><span class="ansi-green">', "", found[1])


async def test_colours_go_on_from_piece_to_piece_and_from_the_page(scribe: Scribe) -> None:
    step = await sync(started)(scribe)
    first, second, third = "one \x1b[32mgre", "en\x1b[", "0m plain\n"
    await sync(flush_text)(batch={scribe.held: [Delta(step.id, "output", 0, first)]})
    page = await Page.load(scribe)
    await page.connect()
    await page.settle()
    assert shown(page, step.id) == output_to_html(first, finished=False)
    prints(scribe, step, first, second)
    await page.settle()
    prints(scribe, step, first + second, third)
    tails = await page.settle()
    assert [frame["swap"] for frame in tails] == ["beforeend"]
    whole = first + second + third
    assert (
        shown(page, step.id)
        == output_to_html(whole, finished=False)
        == 'one <span class="ansi-green">green</span> plain\n'
    )
    await sync(flush_text)(batch={scribe.held: [Delta(step.id, "output", utf16_length(first), second + third)]})
    ending = Ending(StepStatus.SUCCEEDED, whole)
    await sync(tool_steps.end_step)(hold=scribe.held, pending=(), step=step, ending=ending)
    await page.settle()
    await page.check()
    assert shown(page, step.id) == output_to_html(whole, finished=True)
    await page.wire.disconnect()
