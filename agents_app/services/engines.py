"""Writes of engines."""

from django.db import transaction

from agents_app.models import Engine
from agentsite.core.crypto import encrypt


@transaction.atomic
def set_engine_key(*, engine: Engine, value: str) -> Engine:
    """Keep a key encrypted; an empty one forgets what was kept."""
    value = value.strip()
    engine.key_ciphertext = encrypt(value) if value else ""
    engine.save(update_fields=["key_ciphertext", "updated_at"])
    return engine


@transaction.atomic
def make_default(*, engine: Engine) -> Engine:
    """Let this engine answer for all agents that name none."""
    Engine.objects.filter(is_default=True).exclude(id=engine.id).update(is_default=False)
    engine.is_default = True
    engine.save(update_fields=["is_default", "updated_at"])
    return engine
