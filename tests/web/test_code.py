"""Code, what commands print, and what Copy takes: coloured, and yet character for character what was written."""

import re
from html import unescape

import pytest

from sessions_app.rendering.ansi import Terminal, output_to_html
from sessions_app.rendering.highlight import LONGEST_LINE, MOST_CHARACTERS, highlight
from sessions_app.rendering.items import describe, render_item
from sessions_app.rendering.markdown import markdown_to_html
from sessions_app.representations import public_step
from sessions_app.selectors.journal import snapshot
from tests.support.scribe import Scribe

PYTHON = "def greet(name: str) -> None:\n    # say hello\n    print(f\"Hello {name} <b> & 'you'\", 1)\n"


def plain(html: str) -> str:
    """What a reader reads."""
    return unescape(re.sub(r"<[^>]*>", "", html))


@pytest.mark.parametrize("language", ["python", "Python", "js", "html", "diff", "console", "no-such-language", ""])
@pytest.mark.parametrize("code", [PYTHON, "\n\n  x\t\n\n", "<script>alert(1)</script>", "+new\n-old\n", "é 😀\r\n", ""])
def test_highlighting_changes_no_character(language: str, code: str) -> None:
    html = highlight(code, language)
    assert plain(html) == code
    assert set(re.findall(r"<(?!/?span\b)", html)) == set()


def test_the_parts_of_a_program_have_classes() -> None:
    html = highlight(PYTHON, "python")
    assert '<span class="code-keyword">def</span>' in html
    assert '<span class="code-name">greet</span>' in html
    assert '<span class="code-type">str</span>' in html
    assert '<span class="code-comment"># say hello</span>' in html
    assert '<span class="code-number">1</span>' in html
    assert "<span" not in highlight(PYTHON, "no-such-language")


@pytest.mark.parametrize("code", ["x = 1\n" * MOST_CHARACTERS, "x = 1;" * LONGEST_LINE])
def test_code_that_would_hold_up_others_stays_plain(code: str) -> None:
    assert highlight(code, "python") == code


def test_a_block_names_its_language_and_can_be_copied_and_wrapped() -> None:
    html = markdown_to_html("```python\nx = 1\n```\n\n```\nwords\n```\n\n    indented\n")
    assert re.findall(r'class="code-language">(\w+)<', html) == ["python", "text", "text"]
    assert html.count('<button type="button" class="copy-code">Copy</button>') == 3
    assert html.count('<button type="button" class="wrap-code" aria-pressed="false">Wrap</button>') == 3
    assert '<span class="code-number">1</span>' in html


def test_a_table_scrolls_in_a_frame_of_its_own() -> None:
    html = markdown_to_html("| a | b |\n| - | - |\n| 1 | 2 |\n")
    assert html.startswith('<div class="table" tabindex="0"><table>')
    assert html.rstrip().endswith("</table></div>")


@pytest.mark.django_db
def test_an_answer_is_copied_as_it_was_written_without_its_thoughts(scribe: Scribe) -> None:
    message_id = str(scribe.start_message())
    scribe.say('# Title\n\n"quoted" <b> & **bold**\n')
    row = snapshot(scribe.session.id)["messages"][message_id]
    assert "copy-answer" not in render_item(describe("messages", row))
    scribe.end_message(reasoning="a secret thought")
    row = snapshot(scribe.session.id)["messages"][message_id]
    html = render_item(describe("messages", row))
    found = re.search(r'data-text="([^"]*)"', html)
    assert found is not None
    assert unescape(found[1]) == row["text"]
    assert "secret thought" not in found[1]


@pytest.mark.django_db
def test_how_long_the_agent_thought_is_said_where_it_is_known(scribe: Scribe) -> None:
    message_id = str(scribe.start_message())
    row = snapshot(scribe.session.id)["messages"][message_id]
    live = render_item(describe("messages", row))
    assert f'Thinking… <span data-since="{row["created_at"]}">' in live
    row |= {"status": "completed", "reasoning": "Hm", "thought_seconds": 8.2}
    assert "Thought for 8 s" in render_item(describe("messages", row))
    assert "Thought for a moment" in render_item(describe("messages", row | {"thought_seconds": 0.4}))
    assert "Thought for" not in render_item(describe("messages", row | {"thought_seconds": None}))


@pytest.mark.parametrize(
    ("output", "html"),
    [
        ("plain <b>\n", "plain &lt;b&gt;\n"),
        ("\x1b[1;32mPASS\x1b[0m a", '<span class="ansi-green ansi-bold">PASS</span> a'),
        ("\x1b[31mred\x1b[39m plain", '<span class="ansi-red">red</span> plain'),
        ("\x1b[91mbright\x1b[m.", '<span class="ansi-red">bright</span>.'),
        ("\x1b[44mx\x1b[49my", '<span class="ansi-on-blue">x</span>y'),
        ("\x1b[1mx\x1b[22;3my\x1b[23mz", '<span class="ansi-bold">x</span><span class="ansi-italic">y</span>z'),
        ("\x1b[38;5;196mx\x1b[38;5;250my", '<span class="ansi-red">x</span>y'),
        (
            "\x1b[38;2;20;200;30mx\x1b[48;5;4my",
            '<span class="ansi-green">x</span><span class="ansi-green ansi-on-blue">y</span>',
        ),
        ("\x1b[38mx\x1b[38;5mx\x1b[38;2;1mx\x1b[999mx", "xxxx"),
        ("10%\r20%\r\n", "10%\n20%\n"),
        ("\x1b[2J\x1b]0;title\x07\x1b[Hx\x7f", "^[[2J^[]0;title^G^[[Hx^?"),
        ("cut \x1b[3", "cut ^[[3"),
        ("\x1b[" + "9" * 5000 + "m", "^[[" + "9" * 5000 + "m"),
        ("\x1b[31m<script>\x1b[0m", '<span class="ansi-red">&lt;script&gt;</span>'),
    ],
)
def test_colours_of_a_terminal_are_obeyed_and_all_else_is_shown(output: str, html: str) -> None:
    assert output_to_html(output, finished=True) == html


@pytest.mark.parametrize("cut", range(1, 24))
def test_output_that_comes_in_pieces_looks_as_if_it_came_at_once(cut: int) -> None:
    output = "a\x1b[1;31mbad\x1b[0m\r\n\x1b[2Kend"
    terminal = Terminal()
    pieces = terminal.feed(output[:cut]) + terminal.feed(output[cut:]) + terminal.finish()
    joined = re.sub(r'</span><span class="ansi-red ansi-bold">', "", pieces)
    assert joined == output_to_html(output, finished=True)


@pytest.mark.django_db
def test_a_calls_output_has_its_colours(scribe: Scribe) -> None:
    html = render_item(describe("steps", public_step(scribe.run_tool("\x1b[32mok\x1b[0m\n"))))
    assert '<span class="ansi-green">ok</span>\n</pre>' in html
