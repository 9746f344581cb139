"""Markdown of a model as HTML that cannot harm: no raw HTML, no images, links that name their host, sanitised last."""

import re
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from sessions_app.rendering.highlight import CLASSES as CODE_CLASSES
from sessions_app.rendering.highlight import highlight

SCHEMES = {"http", "https", "mailto"}
TAGS = set(
    "a blockquote br button code del div em figcaption figure h2 h3 h4 h5 h6 hr li ol p pre s span strong table".split()
    + "tbody td th thead tr ul".split()
)
ATTRIBUTES = {
    "a": {"href", "title"},
    "button": {"type", "aria-pressed"},
    "div": {"tabindex"},
    "ol": {"start"},
    "pre": {"tabindex"},
}
CLASSES = {
    "button": {"copy-code", "wrap-code"},
    "div": {"table"},
    "figure": {"code"},
    "span": {"code-language", "link-host", "remote-image"} | CODE_CLASSES,
}
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}")


@lru_cache(maxsize=512)
def markdown_to_html(text: str) -> SafeString:
    """`text` as HTML. A completed text never changes, so the last ones are remembered."""
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    html = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return SafeString(clean)


def _address(url: str) -> tuple[str, str]:
    """A link's scheme and what a person should read as its destination; both empty when it cannot be followed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    if parts.scheme not in SCHEMES:
        return "", ""
    return parts.scheme, parts.hostname or parts.path


def _link_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """Open a link, or nothing when it leads nowhere outside; relative paths would lead into this site."""
    url = str(tokens[index].attrGet("href") or "")
    scheme, host = _address(url)
    shown = "" if tokens[index].info == "auto" else host
    environment.setdefault("links", []).append((bool(scheme), shown))
    return f'<a href="{escape(url)}">' if scheme else ""


def _link_close(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """Close a link and name its host behind it."""
    is_link, host = environment["links"].pop()
    shown = f'<span class="link-host">{escape(host)}</span>' if host else ""
    return f"{'</a>' if is_link else ''}{shown}"


def _image(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """A named placeholder: an image is never loaded, since its address could carry a secret away."""
    token = tokens[index]
    scheme, host = _address(str(token.attrGet("src") or ""))
    name = escape(token.content or "Image")
    shown = f"{name} (picture from {escape(host)}, not loaded)" if scheme else f"{name} (picture, not loaded)"
    return f'<span class="remote-image">{shown}</span>'


def _fence(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """A block of code with its language and what can be done with it; focusable, so that a keyboard can scroll it."""
    token = tokens[index]
    found = _LANGUAGE.match(token.info.strip())
    language = found[0] if found else ""
    code = highlight(token.content, language)
    return (
        f'<figure class="code"><figcaption><span class="code-language">{escape(language or "text")}</span>'
        '<button type="button" class="wrap-code" aria-pressed="false">Wrap</button>'
        '<button type="button" class="copy-code">Copy</button></figcaption>'
        f'<pre tabindex="0"><code>{code}</code></pre></figure>\n'
    )


def _table_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """A table in a frame of its own, which a finger or a keyboard can scroll."""
    return '<div class="table" tabindex="0"><table>'


def _table_close(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """The end of a table and of its frame."""
    return "</table></div>\n"


def _new_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    for name, rule in (
        ("link_open", _link_open),
        ("link_close", _link_close),
        ("image", _image),
        ("fence", _fence),
        ("code_block", _fence),
        ("table_open", _table_open),
        ("table_close", _table_close),
    ):
        parser.add_render_rule(name, rule)
    return parser


_parser = _new_parser()
