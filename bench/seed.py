"""`python -m bench.seed`, in the site's environment: a user with a token and a cookie, sessions, and one long chat."""

import argparse
import json
import os
from typing import Any


def seed(sessions: int, messages: int) -> dict[str, Any]:
    """Make them and say how they are reached."""
    from django.conf import settings
    from django.db import transaction
    from django.test import Client

    from agents_app.services import ensure_defaults
    from agentsite.access.models import User
    from agentsite.access.services import create_token
    from sessions_app.services.sessions import create_session

    ensure_defaults()
    user = User.objects.filter(username="bench").first() or User.objects.create_user(username="bench")
    browser = Client()
    browser.force_login(user)
    with transaction.atomic():
        made = [str(create_session(owner=user, title=f"Session {number}").id) for number in range(sessions)]
        chat = create_session(owner=user, title="A long chat")
        _fill(chat.id, messages)
    return {
        "token": create_token(user=user, name="bench", days=1)[1],
        "cookie": f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}",
        "sessions": made,
        "long_chat": str(chat.id),
    }


def _fill(session_id: Any, messages: int) -> None:
    """Messages of a person and an agent in turn, with what answers have: lists, code, emphasis."""
    from django.db.models import F
    from django.utils import timezone

    from sessions_app.models import Message, Session

    pattern = "## Part {0}\n\nHere is **what you asked**:\n\n- one\n- two `code`\n\n```python\nprint({0})\n```\n"
    begin = Session.objects.get(id=session_id).seq
    now = timezone.now()
    rows = []
    for number in range(messages):
        role = "assistant" if number % 2 else "user"
        text = pattern.format(number) if number % 2 else f"Tell me about part {number}, please."
        rows.append(
            Message(
                session_id=session_id,
                role=role,
                status="completed",
                text=text,
                author="Assistant" if number % 2 else "bench",
                position=begin + number + 1,
                created_at=now,
                ended_at=now,
            )
        )
    Message.objects.bulk_create(rows, batch_size=500)
    Session.objects.filter(id=session_id).update(seq=F("seq") + messages, min_seq=begin + messages)


def main() -> None:
    """Print what was made as JSON."""
    parser = argparse.ArgumentParser(description="Make what the benchmark needs.")
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")
    import django

    django.setup()
    print(json.dumps(seed(options.sessions, options.messages)))


if __name__ == "__main__":
    main()
