"""What there is to choose from."""

import pytest
from django.test import Client

from agents_app.models import Agent, Engine
from sessions_app.api.documented import AgentRow, EngineRow, TemplateRow, ToolRow

pytestmark = pytest.mark.django_db


def test_agents_that_are_switched_on(api: Client) -> None:
    Agent.objects.create(slug="off", name="Off", enabled=False)
    rows = api.get("/api/agents").json()["results"]
    for row in rows:
        AgentRow.model_validate(row)
    assert "puppet-nothing" in [row["slug"] for row in rows]
    assert "off" not in [row["slug"] for row in rows]
    assert api.get("/api/agents/puppet-nothing").json() in rows
    assert api.get("/api/agents/off").status_code == 404


def test_kinds_of_agents(api: Client) -> None:
    rows = api.get("/api/templates").json()["results"]
    for row in rows:
        TemplateRow.model_validate(row)
    assert "assistant" in [row["key"] for row in rows]


def test_tools(api: Client) -> None:
    rows = {row["name"]: row for row in api.get("/api/tools").json()["results"]}
    for row in rows.values():
        ToolRow.model_validate(row)
    assert (rows["shell"]["effect"], rows["shell"]["default"]) == ("unsafe", "ask")
    assert rows["shell"]["parameters"]["required"] == ["command"]


def test_an_engine_never_shows_its_key(operators: Client) -> None:
    Engine.objects.all().delete()
    engine = Engine.objects.create(name="One", model="m", key_ciphertext="sealed")
    rows = operators.get("/api/engines").json()["results"]
    EngineRow.model_validate(rows[0])
    assert (rows[0]["name"], rows[0]["has_key"]) == ("One", True)
    shown = operators.get(f"/api/engines/{engine.id}")
    assert shown.json() == rows[0]
    assert b"sealed" not in shown.content
