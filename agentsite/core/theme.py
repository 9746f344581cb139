"""Light or dark by a person's choice, kept in a cookie, so that the first byte of every page is right."""

from django.http import HttpRequest

COOKIE = "theme"
THEMES = ("light", "dark")


def theme(request: HttpRequest) -> dict[str, str]:
    """Template context: `{{ theme }}`, empty while the system decides."""
    chosen = request.COOKIES.get(COOKIE, "")
    return {"theme": chosen if chosen in THEMES else ""}
