"""Source code with its parts named by CSS classes; their colours are the style sheet's affair."""

from functools import lru_cache

from django.utils.html import escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String, _TokenType
from pygments.util import ClassNotFound

# Lexers are regular expressions: what is longer than this could hold up everybody else.
MOST_CHARACTERS, LONGEST_LINE = 10_000, 1_000

# The first that holds a token names it; what none holds is plain.
_KINDS: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "comment"),
    (Keyword.Type, "type"),
    (Keyword, "keyword"),
    (Operator.Word, "keyword"),
    (Name.Builtin, "type"),
    (Name.Class, "name"),
    (Name.Function, "name"),
    (Name.Decorator, "name"),
    (Name.Tag, "keyword"),
    (Name.Attribute, "name"),
    (Name.Variable, "name"),
    (Name.Constant, "number"),
    (Number, "number"),
    (String, "string"),
    (Generic.Inserted, "inserted"),
    (Generic.Deleted, "deleted"),
    (Generic.Heading, "keyword"),
    (Generic.Subheading, "keyword"),
    (Generic.Prompt, "comment"),
)
CLASSES = {f"code-{kind}" for _, kind in _KINDS}


def highlight(code: str, language: str) -> str:
    """`code` as HTML, character for character; plain when the language is unknown or the code is long."""
    lexer = _lexer(language.lower()) if language else None
    if lexer is None or len(code) > MOST_CHARACTERS or max(map(len, code.split("\n"))) > LONGEST_LINE:
        return escape(code)
    tokens = [(_kind(token), text) for _, token, text in lexer.get_tokens_unprocessed(code)]
    if "".join(text for _, text in tokens) != code:  # some lexers drop what they do not expect
        return escape(code)
    return "".join(_span(kind, text) for kind, text in tokens)


def _span(kind: str, text: str) -> str:
    return f'<span class="code-{kind}">{escape(text)}</span>' if kind and not text.isspace() else escape(text)


@lru_cache(maxsize=512)
def _kind(token: _TokenType) -> str:
    return next((kind for holder, kind in _KINDS if token in holder), "")


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None
