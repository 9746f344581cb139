"""Engine rows: defaults from the environment, keys, shared clients, health, the operators' pages."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from agents_app import selectors, templates
from agents_app.engines import client_for, close_all, probe, try_engine
from agents_app.engines.registry import build_client
from agents_app.models import Agent, Engine, TemplateVersion
from agents_app.services import ensure_defaults, make_default, set_engine_key, sync_templates
from agents_app.services.defaults import engine_of
from agents_app.types import CompletionRequest, EngineError, Message, Sink
from agentsite.access.models import User
from agentsite.core.crypto import decrypt
from agentsite.env import Environment
from tests.support import model_server as model
from tests.support.model_server import ModelServer

KEY = "sk-verysecretkey0001"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def engine(**fields: object) -> Engine:
    return Engine(**({"name": "E", "provider": "openai", "model": "m"} | fields))


def environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Environment:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Environment()


def test_a_new_site_rehearses(db: None) -> None:
    ensure_defaults()
    ensure_defaults()

    made = Engine.objects.get()
    agent = Agent.objects.get()
    assert (made.provider, made.is_default) == ("rehearsal", True)
    assert (agent.slug, agent.name, agent.is_default) == ("assistant", "Assistant", True)
    assert {"shell", "python", "ask_user", "edit_file"} <= set(agent.tools)
    assert selectors.default_agent() == agent
    assert selectors.find_agent("assistant") == selectors.find_agent(str(agent.id)) == agent
    assert selectors.list_agents() == [agent]
    assert TemplateVersion.objects.get(key="assistant").config_schema["title"] == "AssistantConfig"
    assert sync_templates() == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OPENAI_API_KEY": KEY}, ("openai", "", "gpt-5.4-mini", "OPENAI_API_KEY")),
        ({"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "gpt-x"}, ("openai", "", "gpt-x", "OPENAI_API_KEY")),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"}, ("openai", "http://127.0.0.1:8080/v1", "", "OPENAI_API_KEY")),
        ({"OLLAMA_HOST": "http://127.0.0.1:11434"}, ("openai", "http://127.0.0.1:11434/v1", "", "")),
        (
            {"AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com", "AZURE_OPENAI_DEPLOYMENT": "d"},
            ("azure", "https://x.openai.azure.com", "d", "AZURE_OPENAI_API_KEY"),
        ),
    ],
)
def test_the_environment_describes_an_engine(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: tuple[str, ...]
) -> None:
    fields = engine_of(environment(monkeypatch, **variables))

    assert fields is not None
    row = Engine(**fields)
    assert (row.provider, row.base_url, row.model, row.key_variable) == expected
    assert KEY not in str(fields)


def test_a_key_that_is_given_later_replaces_the_rehearsal_and_nothing_else(
    db: None, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    ensure_defaults()
    monkeypatch.setattr("django.conf.settings.AGENTSITE", environment(monkeypatch, OPENAI_API_KEY=KEY))
    ensure_defaults()
    default = Engine.objects.get(is_default=True)
    assert default.name == "OpenAI"

    make_default(engine=Engine.objects.get(provider="rehearsal"))
    ensure_defaults()
    assert Engine.objects.get(is_default=True).provider == "rehearsal"
    assert Engine.objects.count() == 2


def test_an_agents_own_engine_then_the_default_then_an_error(db: None) -> None:
    default = make_default(engine=engine(name="D"))
    own = engine(name="Own")
    own.save()
    thawed = templates.thaw(
        templates.freeze(Agent(name="a", template_key="assistant", engine=own), now=default.created_at)
    )

    assert selectors.engine_for(thawed) == own
    assert selectors.engine_for(thawed, "D") == default
    Engine.objects.filter(id=own.id).update(enabled=False)
    assert selectors.engine_for(thawed) == default
    Engine.objects.update(enabled=False)
    with pytest.raises(EngineError) as caught:
        selectors.engine_for(thawed)
    assert caught.value.code == "engine_missing"


def test_keys_come_from_the_row_or_from_its_variable(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    row = engine(key_variable="MY_MODEL_KEY")
    row.save()
    monkeypatch.setenv("MY_MODEL_KEY", "from the environment")
    assert build_client(row).settings.key == "from the environment"

    set_engine_key(engine=row, value=f" {KEY}\n")
    row.refresh_from_db()
    assert KEY not in row.key_ciphertext
    assert decrypt(row.key_ciphertext) == build_client(row).settings.key == KEY
    assert KEY not in repr(build_client(row).settings)

    set_engine_key(engine=row, value="")
    assert row.key_ciphertext == ""
    assert build_client(engine(key_variable="DATABASE_URL")).settings.key == ""


def test_a_key_of_another_site_is_no_crash() -> None:
    with pytest.raises(EngineError) as caught:
        build_client(engine(key_ciphertext="not ours"))

    assert caught.value.code == "engine_auth"


async def test_clients_are_shared_until_the_row_changes(server: ModelServer) -> None:
    row = engine(base_url=server.base_url, updated_at=datetime(2026, 3, 1, tzinfo=UTC))
    first = client_for(row)
    assert client_for(row) is first

    row.updated_at = datetime(2026, 3, 2, tzinfo=UTC)
    second = client_for(row)
    await second.complete(CompletionRequest([Message("user", "hi")]), Sink(lambda _: None, lambda _: None))

    assert second is not first
    assert first.closed
    await close_all()
    assert second.closed


async def test_health_in_a_sentence(server: ModelServer, unused_tcp_port: int) -> None:
    good = await probe(engine(name="Good", base_url=server.base_url))
    gone = await probe(engine(name="Gone", base_url=f"http://127.0.0.1:{unused_tcp_port}/v1"))
    built_in = await probe(engine(name="R", provider="rehearsal"))

    assert (good.ok, gone.ok, built_in.ok) == (True, False, True)
    assert "“Good” can be reached" in good.sentence
    assert "“Gone”: The model could not be reached" in gone.sentence
    assert 0 <= good.seconds < 5
    assert server.requests == []


async def test_an_engine_that_hangs_is_unhealthy_soon(server: ModelServer) -> None:
    server.script(model.stall(0))
    row = engine(base_url=server.base_url, first_token_timeout_seconds=0.2)

    health = await try_engine(row)

    assert not health.ok
    assert "0.2 seconds" in health.sentence


def test_the_admin_takes_a_key_and_never_shows_it(db: None, client: Client, operator: User) -> None:
    client.force_login(operator)
    row = engine()
    row.save()
    url = reverse("admin:agents_app_engine_change", args=[row.id])
    page = client.get(url).content.decode()
    assert "Key (not set)" in page

    fields = {
        "name": "E", "provider": "openai", "model": "m", "base_url": "http://ollama:11434/v1", "enabled": "on",
        "context_tokens": 1000, "output_tokens": 100, "input_price": 0, "output_price": 0,
        "connect_timeout_seconds": 1, "first_token_timeout_seconds": 1, "stall_timeout_seconds": 1,
    }  # fmt: skip
    assert client.post(url, fields | {"key": KEY}).status_code == 302
    row.refresh_from_db()
    assert decrypt(row.key_ciphertext) == KEY

    for page_url in (url, reverse("admin:agents_app_engine_changelist"), reverse("admin:index")):
        shown = client.get(page_url).content.decode()
        assert KEY not in shown
        assert row.key_ciphertext not in shown
    assert "Key (set)" in client.get(url).content.decode()

    client.post(url, fields)
    row.refresh_from_db()
    assert decrypt(row.key_ciphertext) == KEY
    client.post(url, fields | {"forget_key": "on"})
    row.refresh_from_db()
    assert row.key_ciphertext == ""


def test_the_admin_explains_what_is_wrong(db: None, client: Client, operator: User) -> None:
    client.force_login(operator)
    url = reverse("admin:agents_app_engine_add")

    page = client.post(url, {"name": "A", "provider": "azure", "base_url": "ftp://x"}).content.decode()

    assert "Type an address such as" in page
    assert "Azure needs this." in page


def test_the_admin_tests_engines_and_chooses_the_default(
    db: None, client: Client, operator: User, server: ModelServer
) -> None:
    client.force_login(operator)
    good = engine(name="Good", base_url=server.base_url)
    good.save()
    bad = engine(name="Bad", base_url=server.base_url)
    bad.save()
    server.script(model.status(401), model.text("hello"))
    url = reverse("admin:agents_app_engine_changelist")

    page = client.post(url, {"action": "test_engines", "_selected_action": [bad.id, good.id]}, follow=True)
    assert "“Bad”: The model&#x27;s provider refused" in page.content.decode()
    assert "“Good” answered as m" in page.content.decode()

    client.post(url, {"action": "choose_default", "_selected_action": [good.id]})
    good.refresh_from_db()
    assert good.is_default


def test_the_admin_checks_an_agents_configuration(db: None, client: Client, operator: User) -> None:
    ensure_defaults()
    client.force_login(operator)
    agent = Agent.objects.get()
    url = reverse("admin:agents_app_agent_change", args=[agent.id])
    fields = {
        "slug": "assistant",
        "name": "Assistant",
        "template_key": "assistant",
        "tools": ["shell"],
        "enabled": "on",
    }

    refused = client.post(url, fields | {"config": '{"most_steps": 0}'}).content.decode()
    assert "greater than or equal to 1" in refused
    assert client.post(url, fields | {"config": '{"most_steps": 5}'}).status_code == 302
    agent.refresh_from_db()
    assert (agent.config, agent.tools) == ({"most_steps": 5}, ["shell"])


def test_template_versions_are_read_only(db: None, client: Client, operator: User) -> None:
    sync_templates()
    client.force_login(operator)

    assert client.get(reverse("admin:agents_app_templateversion_changelist")).status_code == 200
    assert client.get(reverse("admin:agents_app_templateversion_add")).status_code == 403


def test_the_command_says_which_versions_are_new(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("sync_templates")
    call_command("sync_templates")

    told = capsys.readouterr().out.splitlines()
    assert (told[0], told[-1]) == ("assistant 1.0.0", "Nothing new.")


def test_a_server_without_a_list_of_models_is_asked_for_a_word(server: ModelServer) -> None:
    server.models = None

    health = async_to_sync(probe)(engine(base_url=server.base_url))

    assert health.ok
    assert server.requests[0]["max_tokens"] == 256


def test_importing_the_registry_loads_no_sdk() -> None:
    looks = "print('openai' in sys.modules)"
    program = f"import sys, agents_app.engines as e; {looks}; e.warm_up(); {looks}"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "True"]
