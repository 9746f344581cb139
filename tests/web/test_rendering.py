"""What a model, a tool or a person wrote never becomes markup of its own."""

from html.parser import HTMLParser

import pytest

from sessions_app.rendering.items import describe, describe_question, render_item
from sessions_app.rendering.markdown import markdown_to_html
from sessions_app.representations import public_interaction, public_message, public_step
from sessions_app.selectors.journal import snapshot
from sessions_app.services.interactions import answer_interaction
from tests.support.scribe import Scribe

HARMFUL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "</textarea><script>alert(1)</script>",
    "</pre></details></article><iframe src='//evil.example'></iframe>",
    "<hx-partial hx-target='body'>gone</hx-partial>",
    '<div hx-get="/admin/" hx-trigger="load" data-hx-post="/x">x</div>',
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "[x](/chat/)",
    "<javascript:alert(1)>",
    "![x](https://tracker.example/p.png?secret)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    '[x](https://a.example "title\\" onmouseover=alert(1) x=\\"")',
    "```html onload=alert(1)\n<script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "<style>body{display:none}</style><base href='//evil.example'><meta http-equiv=refresh content=0>",
    "<form action='//evil.example'><input name=password></form>",
    "a\u2028<script>alert(1)</script>",
]
ALLOWED_TAGS = {
    *("a article blockquote br button code del details div em figcaption figure form h2 h3 h4 h5 h6 hr i".split()),
    *("input label li ol option p pre s section select span strong summary svg table tbody td textarea".split()),
    *("th thead time tr ul use".split()),
}


class Markup(HTMLParser):
    """The tags, attributes and addresses of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in ("href", "src", "action")}


def assert_harmless(html: str, *, in_page: bool = False) -> None:
    """No markup but what the site's own templates and its Markdown use."""
    markup = Markup(html)
    assert markup.tags <= ALLOWED_TAGS
    assert not {name for name in markup.attributes if name.startswith("on") or name == "style" or name == "src"}
    assert in_page or not {name for name in markup.attributes if name.startswith(("hx-", "data-hx"))}
    own = ("/questions/", "/runs/", "/static/") if in_page else ()
    assert all(address.startswith(("https://", "http://", "mailto:", *own)) for address in markup.addresses)


@pytest.mark.parametrize("text", HARMFUL)
def test_markdown_cannot_harm(text: str) -> None:
    assert_harmless(markdown_to_html(text))


@pytest.mark.parametrize("text", HARMFUL)
@pytest.mark.django_db
def test_nothing_harmful_in_any_item(scribe: Scribe, text: str) -> None:
    scribe.start_message()
    scribe.say(text)
    state = snapshot(scribe.session.id)
    scribe.end_message(reasoning=text)
    step = scribe.run_tool(text)
    question = public_interaction(scribe.ask(grantable=True))
    row = public_step(step)
    row |= {
        "arguments": {text: text, "list": [text]},
        "tool": text,
        "result": {"content": text, "data": {"diff": f"+{text}"}},
    }
    row["display"] = {"icon": "terminal", "title": text, "key_argument": text}
    question |= {"message": text, "arguments": {"command": text}, "risk_reason": text}
    form = question | {
        "kind": "input",
        "schema": {"properties": {text: {"title": text, "description": text, "enum": [text]}}},
    }
    items = [describe("messages", each) for each in state["messages"].values()]
    items += [describe("steps", row), describe_question(question), describe_question(form)]
    for item in items:
        assert_harmless(render_item(item), in_page=True)


def test_links_name_their_host_and_leave_no_trace() -> None:
    html = markdown_to_html("See [my bank](https://evil.example/login).")
    assert 'rel="noopener noreferrer nofollow"' in html
    assert '<span class="link-host">evil.example</span>' in html
    assert "link-host" not in markdown_to_html("<https://plain.example/>")


def test_a_remote_image_is_a_named_placeholder() -> None:
    html = markdown_to_html("![the chart](https://tracker.example/p.png?d=secret)")
    assert "<img" not in html
    assert "secret" not in html
    assert "the chart (picture from tracker.example, not loaded)" in html


def test_what_a_link_to_nowhere_says_is_kept() -> None:
    assert markdown_to_html("[words](/chat/) stay") == "<p>words stay</p>\n"


@pytest.mark.django_db
def test_streaming_text_is_plain_and_exact(scribe: Scribe) -> None:
    message_id = scribe.start_message()
    scribe.say("\n  **not yet** <b>\n")
    html = render_item(describe("messages", snapshot(scribe.session.id)["messages"][str(message_id)]))
    assert f'<pre id="message-{message_id}-text" class="streaming-text">\n\n  **not yet** &lt;b&gt;\n</pre>' in html


@pytest.mark.django_db
def test_the_card_shows_exactly_what_runs_and_what_may_be_decided(scribe: Scribe) -> None:
    row = public_interaction(scribe.ask(grantable=False))
    html = render_item(describe_question(row))
    assert '<pre class="call" tabindex="0">ls</pre>' in html
    assert "High risk" in html
    assert "runs code" in html
    assert "approve_session" not in html
    assert "approve_session" in render_item(describe_question(row | {"grantable": True}))
    only = render_item(describe_question(row | {"allowed_decisions": ["approve", "reject"]}))
    assert 'value="edit"' not in only
    assert 'value="respond"' not in only


@pytest.mark.django_db
def test_an_answered_card_is_a_receipt(scribe: Scribe) -> None:
    question = scribe.ask()
    answered = answer_interaction(interaction_id=question.id, user=scribe.owner, decision="reject", reason="Not now")
    html = render_item(describe("interactions", public_interaction(answered)))
    assert "Rejected by alice" in html
    assert "Not now" in html
    assert "<form" not in html


@pytest.mark.django_db
def test_a_call_shows_its_output_once_and_its_exit_code(scribe: Scribe) -> None:
    row = public_step(scribe.run_tool("first line\n"))
    html = render_item(describe("steps", row))
    assert (html.count("first line"), "Done" in html, "Result" in html) == (1, True, False)
    row["result"] = {"content": "first line\n[exit code 3]", "data": {"exit_code": 3}}
    html = render_item(describe("steps", row))
    assert (html.count("first line"), "Exit code 3" in html, "Done" in html) == (1, True, False)
    row["result"] = {"content": "Changed a.txt:\n+new", "data": {"diff": "+new"}}
    html = render_item(describe("steps", row))
    assert html.count("+new") == 1
    assert '<code class="line-add">+new</code>' in html
    assert "Changed a.txt:" not in html


@pytest.mark.django_db
def test_a_secret_is_never_written_into_the_page(scribe: Scribe) -> None:
    row = public_interaction(scribe.ask_form())
    row["schema"]["properties"]["pin"]["default"] = "1234"
    html = render_item(describe_question(row))
    assert 'type="password"' in html
    assert "1234" not in html


@pytest.mark.django_db
def test_what_never_was_on_the_page_gets_no_element(scribe: Scribe) -> None:
    queued = scribe.send("And then?").prompt
    assert queued is not None
    assert describe("messages", public_message(queued)).absent
    scribe.start_message()
    assert scribe.step is not None
    assert describe("steps", public_step(scribe.step)).absent
