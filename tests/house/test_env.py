"""The environment: typed, checked, and plain about what to type instead."""

import os
from pathlib import Path

import pytest

from agentsite import env
from agentsite.databases import database
from agentsite.env import BadEnvironmentError, declared, key_variable, load, unknown_names
from agentsite.env_reference import example, table, with_table
from agentsite.keys import secret_key

STRONG_KEY = "k9-Jw2_mZ7qLx4vTn8RbYc3HsPd6FgAe5UoKi1WzQXyMtNrBvC"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in declared():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENTSITE_ENV_FILE", os.devnull)


def test_an_empty_environment_is_production_on_loopback() -> None:
    site = load()
    assert (site.env, site.secure, site.debug) == ("production", True, False)
    assert site.hosts == ("localhost", "127.0.0.1", "[::1]")
    assert site.cors_origins == ()


def test_an_empty_value_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSITE_MAX_RUNS", "")
    assert load().max_runs == 200


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("AGENTSITE_ENV", "prod", "development or production"),
        ("AGENTSITE_HTTPS", "perhaps", "true or false"),
        ("PORT", "70000", "a number from 0 to 65535"),
        ("AGENTSITE_MAX_RUNS", "0", "a whole number from 1"),
        ("AGENTSITE_CONFIRM_SECONDS", "-1", "a whole number of seconds"),
        ("AGENTSITE_ORIGINS", "agents.example.com", "such as https://agents.example.com"),
        ("AGENTSITE_ORIGINS", "https://agents.example.com/path", "such as https://agents.example.com"),
        ("AGENTSITE_CORS_ORIGINS", "*", "such as https://app.example.com"),
        ("AGENTSITE_CORS_ORIGINS", "https://.example.com", "such as https://app.example.com"),
        ("AGENTSITE_TRUSTED_PROXIES", "proxy.local", "such as 127.0.0.1/32"),
        ("OPENAI_BASE_URL", "ftp://models", "such as http://127.0.0.1:8080/v1"),
        ("AGENTSITE_EXECUTOR", "threads", "embedded or celery"),
    ],
)
def test_a_bad_value_says_what_to_type_instead(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, instead: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadEnvironmentError) as refused:
        load()
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} is {value!r}. Type ")
    assert instead in sentence
    assert sentence.count("\n") == 0


def test_all_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("AGENTSITE_LOG_LEVEL", "LOUD")
    with pytest.raises(BadEnvironmentError) as refused:
        load()
    assert {line.split()[0] for line in str(refused.value).splitlines()} == {"PORT", "AGENTSITE_LOG_LEVEL"}


def test_a_bad_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://root:hunter2@db/x")
    with pytest.raises(BadEnvironmentError) as refused:
        load()
    assert "hunter2" not in str(refused.value)
    assert "postgres://" in str(refused.value)


def test_secrets_do_not_show_in_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-visible")
    assert load().openai_api_key == "sk-visible"
    assert "sk-visible" not in repr(load())


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"AGENTSITE_DEBUG": "true"}, "AGENTSITE_DEBUG is for development"),
        ({"AGENTSITE_HOSTS": "agents.example.com,*"}, "AGENTSITE_HOSTS is *"),
        ({"AGENTSITE_SECRET_KEY": "django-insecure-" + STRONG_KEY}, "AGENTSITE_SECRET_KEY is easy to guess"),
        ({"AGENTSITE_SECRET_KEY": "short"}, "AGENTSITE_SECRET_KEY is easy to guess"),
        ({"AGENTSITE_SECRET_KEY": "a" * 60}, "AGENTSITE_SECRET_KEY is easy to guess"),
        ({"AGENTSITE_FAULT": "anywhere"}, "AGENTSITE_FAULT is for tests"),
        ({"AGENTSITE_EXECUTOR": "celery"}, "needs REDIS_URL"),
    ],
)
def test_production_refuses_what_is_lax(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], part: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadEnvironmentError, match=part.replace("*", r"\*")):
        load()


def test_development_may_be_lax(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENV": "development", "DEBUG": "1", "HOSTS": "*", "SECRET_KEY": "short"}.items():
        monkeypatch.setenv(f"AGENTSITE_{name}", value)
    site = load()
    assert site.debug
    assert not site.secure


def test_a_file_of_variables_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "variables"
    file.write_text("AGENTSITE_MAX_RUNS=7\nPORT=9000\nMY_ENGINE_KEY=k\n")
    for name in ("AGENTSITE_MAX_RUNS", "MY_ENGINE_KEY"):  # what the file sets must not outlive this test
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTSITE_ENV_FILE", str(file))
    monkeypatch.setenv("PORT", "9100")
    site = load()
    assert (site.max_runs, site.port) == (7, 9100)
    assert key_variable("MY_ENGINE_KEY") == "k"


def test_an_engine_cannot_name_the_sites_own_secrets_as_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AGENTSITE_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "value")
    assert key_variable("OPENAI_API_KEY") == "value"
    assert [key_variable(name) for name in ("AGENTSITE_SECRET_KEY", "DATABASE_URL", "REDIS_URL")] == [""] * 3


def test_a_misspelt_name_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSITE_HOST", "agents.example.com")
    assert unknown_names() == {"AGENTSITE_HOST": "AGENTSITE_HOSTS"}


def test_the_example_and_the_table_are_made_from_the_declarations() -> None:
    assert (env.BASE_DIR / ".env.example").read_text() == example(), "run: make reference"
    page = (env.BASE_DIR / "docs" / "configuration.md").read_text()
    assert page == with_table(page), "run: make reference"


def test_every_variable_stands_in_the_table_with_its_default() -> None:
    rows = table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(declared())
    assert any("`AGENTSITE_MAX_RUNS` | `200`" in row for row in rows)


def test_the_secret_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = secret_key("", tmp_path / "data")
    file = tmp_path / "data" / "secret_key"
    assert len(first) >= 50
    assert secret_key("", tmp_path / "data") == first
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert [path.name for path in file.parent.iterdir()] == ["secret_key"]
    assert secret_key("given", tmp_path / "other") == "given"
    assert not (tmp_path / "other").exists()


def test_a_database_address_becomes_settings(tmp_path: Path) -> None:
    found = database("postgres://user:p%40ss@db.example.com:5433/agents?sslmode=require", tmp_path)
    assert found["ENGINE"].endswith("postgresql")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == (
        "user",
        "p@ss",
        "db.example.com",
        "5433",
    )
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["OPTIONS"]["pool"]["max_size"] == 10
    assert found["CONN_MAX_AGE"] == 0


def test_without_an_address_it_is_sqlite_in_the_data_directory(tmp_path: Path) -> None:
    found = database("", tmp_path)
    assert found["NAME"] == tmp_path / "db.sqlite3"
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in found["OPTIONS"]["init_command"]
    assert database("sqlite:////srv/agents.sqlite3", tmp_path)["NAME"] == Path("/srv/agents.sqlite3")
