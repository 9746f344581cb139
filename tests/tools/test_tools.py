"""The tools as a model calls them and a person sees them."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tools_app import registry, sandbox
from tools_app.diffs import unified_diff
from tools_app.sandbox import detection
from tools_app.tools.ask_user import AskUser, AskUserArguments
from tools_app.types import Arguments, Question, Tool, ToolContext, ToolError, ToolOutput, ToolTimeoutError

MakeContext = Callable[[], ToolContext]


async def call(context: MakeContext, name: str, **arguments: Any) -> ToolOutput:
    """Call a tool as the runner does."""
    tool = registry.get_tool(name)
    assert tool is not None
    return await tool.run(tool.arguments.model_validate(arguments), context())


async def refused(context: MakeContext, name: str, **arguments: Any) -> ToolError:
    """Call a tool that cannot do it."""
    with pytest.raises(ToolError) as error:
        await call(context, name, **arguments)
    return error.value


async def test_shell_tells_its_output_and_its_exit_code(context: MakeContext, heard: list[str]) -> None:
    done = await call(context, "shell", command="echo out; echo err >&2; exit 4")
    assert done.content == "out\nerr\n[exit code 4]"
    assert done.data["exit_code"] == 4
    assert "".join(heard) == "out\nerr\n"
    assert (await call(context, "shell", command="true")).content == "(no output)"


async def test_shell_gets_a_secret_as_a_variable(context: MakeContext) -> None:
    done = await call(context, "shell", command='printf %s "$TOKEN" | wc -c', env={"TOKEN": "hush-4711"})
    assert done.content.strip() == "9"


async def test_shell_that_takes_too_long_is_stopped_and_tells_what_it_said(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(registry.get_tool("shell")), "timeout_seconds", 0.5)
    stopped = await refused(context, "shell", command="echo begun; sleep 60")
    assert isinstance(stopped, ToolTimeoutError)
    assert stopped.message == "Stopped after 0.5 seconds, which is its limit.\n\nIts last output:\nbegun\n"
    assert stopped.data["output"] == "begun\n"


async def test_a_flood_is_stopped_and_told(context: MakeContext) -> None:
    stopped = await refused(context, "shell", command="yes")
    assert stopped.code == "tool_output_limit"
    assert stopped.data["output_path"] == ".agentsite/output-00000000-0000-0000-0000-000000000001.txt"


async def test_long_output_can_be_read_from_its_file(context: MakeContext) -> None:
    done = await call(context, "shell", command="seq 100000")
    assert done.data["truncated"]
    again = await call(context, "read_file", path=done.data["output_path"], start_line=50_000, end_line=50_001)
    assert again.content == "50000\n50001\n"


async def test_python_sees_the_workspace(context: MakeContext, workspace: Path) -> None:
    await call(context, "write_file", path="helper.py", content="ANSWER = 42\n")
    done = await call(context, "python", code="import helper, os\nprint(helper.ANSWER, os.getcwd())\n")
    assert done.content == "42 /workspace"
    failed = await call(context, "python", code="print('caf\u00e9')\n1/0")
    assert failed.data["exit_code"] == 1
    assert failed.content.startswith("café\nTraceback")
    assert failed.content.endswith("ZeroDivisionError: division by zero\n[exit code 1]")


async def test_code_tools_are_off_where_there_is_no_sandbox(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools_app.execution.status", lambda: detection.SandboxStatus(False, "Install it."))
    assert [spec.name for spec in registry.specs(["shell", "python", "read_file", "nothing"])] == ["read_file"]
    shell = registry.get_tool("shell")
    assert shell is not None
    assert shell.unavailable() == "Install it."


async def test_a_sandbox_that_fails_says_nothing_of_the_host(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*arguments: Any, **options: Any) -> None:
        raise sandbox.SandboxError("/work/secret/path")

    monkeypatch.setattr("tools_app.execution.run_sandboxed", fail)
    failed = await refused(context, "shell", command="true")
    assert (failed.code, "/work" in failed.message) == ("sandbox_failed", False)


async def test_a_file_is_written_read_changed_and_listed(context: MakeContext, workspace: Path) -> None:
    wrote = await call(context, "write_file", path="notes/todo.txt", content="one\ntwo\n")
    assert wrote.content == "Wrote 8 bytes to notes/todo.txt."
    assert wrote.data["diff"] == "--- a/notes/todo.txt\n+++ b/notes/todo.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n"
    edited = await call(context, "edit_file", path="notes/todo.txt", old="two", new="2")
    assert edited.data["diff"].endswith("@@ -1,2 +1,2 @@\n one\n-two\n+2\n")
    assert (await call(context, "read_file", path="notes/todo.txt")).content == "one\n2\n"
    assert (await call(context, "list_files")).content == "notes/\nnotes/todo.txt (6 bytes)"
    assert (await call(context, "list_files", path="/workspace/notes")).content == "notes/todo.txt (6 bytes)"


async def test_writing_the_same_again_changes_nothing(context: MakeContext) -> None:
    await call(context, "write_file", path="a", content="x\n")
    assert (await call(context, "write_file", path="a", content="x\n")).data["diff"] == ""


async def test_an_edit_needs_exactly_one_place(context: MakeContext, workspace: Path) -> None:
    await call(context, "write_file", path="a", content="x x")
    assert (await refused(context, "edit_file", path="a", old="x", new="y")).code == "many_matches"
    assert (await refused(context, "edit_file", path="a", old="z", new="y")).code == "no_match"
    assert (await refused(context, "edit_file", path="b", old="z", new="y")).code == "not_found"


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("read_file", {"path": "missing"}, "not_found"),
        ("read_file", {"path": "directory"}, "not_a_file"),
        ("read_file", {"path": "."}, "not_a_file"),
        ("read_file", {"path": "../../secret_key"}, "outside_workspace"),
        ("read_file", {"path": "binary"}, "not_text"),
        ("read_file", {"path": "file/below"}, "not_a_file"),
        ("read_file", {"path": "n" * 300}, "file_error"),
        ("edit_file", {"path": "latin", "old": "a", "new": "b"}, "not_text"),
        ("edit_file", {"path": "large", "old": "a", "new": "b"}, "too_large"),
        ("write_file", {"path": "directory", "content": ""}, "not_a_file"),
        ("write_file", {"path": "/etc/passwd", "content": ""}, "outside_workspace"),
        ("write_file", {"path": "much", "content": "x" * (2 * 1024 * 1024 + 1)}, "too_large"),
        ("write_file", {"path": "/".join("d" * 70), "content": ""}, "workspace_full"),
        ("list_files", {"path": "missing"}, "not_found"),
        ("list_files", {"path": "file"}, "not_a_directory"),
    ],
)
def test_what_cannot_be_done_is_said_without_the_hosts_paths(
    context: MakeContext, workspace: Path, name: str, arguments: dict[str, Any], code: str
) -> None:
    (workspace / "directory").mkdir()
    (workspace / "file").write_text("text")
    (workspace / "binary").write_bytes(b"\0\1")
    (workspace / "latin").write_bytes(b"caf\xe9 a")
    (workspace / "large").write_bytes(b"a" * (2 * 1024 * 1024 + 1))
    error = asyncio.run(refused(context, name, **arguments))
    assert error.code == code
    assert str(workspace) not in error.message


async def test_a_full_workspace_takes_no_more_files(context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools_app.workspace_files.DEFAULT_LIMITS", sandbox.Limits(workspace_bytes=10_000))
    await call(context, "write_file", path="a", content="x" * 9_000)
    assert (await refused(context, "write_file", path="b", content="x")).code == "workspace_full"


async def test_a_long_file_is_read_64_kb_at_a_time(context: MakeContext) -> None:
    lines = [f"line {number}\n" for number in range(1, 20_001)]
    await call(context, "write_file", path="long", content="".join(lines))
    read, start = "", 1
    for _ in range(10):
        part = await call(context, "read_file", path="long", start_line=start)
        assert len(part.content) < 66_000
        read += part.content.partition("\n[There is more")[0]
        start = part.data["end_line"] + 1
        if not part.data["more"]:
            break
        assert f"start_line={start}" in part.content
    assert read == "".join(lines)


async def test_a_line_longer_than_64_kb_is_cut(context: MakeContext) -> None:
    await call(context, "write_file", path="wide", content="x" * 100_000 + "\nlast\n")
    part = await call(context, "read_file", path="wide")
    assert part.content.startswith("x" * 65_000)
    assert part.content.endswith("[... the line goes on ...]\n\n[There is more: read on with start_line=2.]")
    assert (await call(context, "read_file", path="wide", start_line=2)).content == "last\n"


async def test_a_crowded_directory_is_listed_in_part(context: MakeContext) -> None:
    await call(context, "shell", command="touch $(seq 1500); ln -s 1 link")
    listed = await call(context, "list_files")
    assert listed.data == {"path": ".", "files": 1_000, "more": True}
    await call(context, "shell", command="rm [0-9]*")
    assert (await call(context, "list_files")).content == "link (link)"


def test_every_tool_bears_arguments_that_do_not_validate() -> None:
    for tool in registry.list_tools():
        for arguments in ({}, {"command": 7, "path": None, "code": [], "message": {}}):
            display = tool.display(arguments)
            assert display.icon
            assert display.title
            assert display.sentence
        assert tool.risk_reason


def test_what_a_model_is_told_is_plain_json_schema() -> None:
    for spec in registry.specs([tool.name for tool in registry.list_tools()]):
        assert spec.parameters["type"] == "object"
        assert spec.parameters["additionalProperties"] is False
        assert not {"title", "$ref", "$defs"} & set(_keys(spec.parameters))


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        names = [key for key in value if key != "properties"]
        return names + [name for key, item in value.items() for name in _keys(_values(key, item))]
    return [name for item in value for name in _keys(item)] if isinstance(value, list) else []


def _values(key: str, item: Any) -> Any:
    return list(item.values()) if key == "properties" else item


def test_a_parameter_called_title_is_kept_and_names_are_taken_once() -> None:
    class Titled(Arguments):
        title: str

    class Tagger(Tool):
        name = "shell"
        description = "Tags."
        arguments = Titled

        def display(self, arguments: Any) -> Any:
            """Not shown."""

    assert registry.parameters(Tagger())["properties"] == {"title": {"type": "string"}}
    with pytest.raises(ValueError, match="two tools"):
        registry.register(Tagger())


@pytest.mark.parametrize(
    "arguments",
    [
        {"command": ""},
        {"command": "a\0b"},
        {"command": "x" * 130_000},
        {"command": "id", "env": {"A B": "x"}},
        {"command": "id", "env": {"A": "a-secret\0"}},
        {"command": "id", "surprise": 1},
    ],
)
def test_shell_refuses_what_it_cannot_run_and_repeats_no_secret(arguments: dict[str, Any]) -> None:
    shell = registry.get_tool("shell")
    assert shell is not None
    with pytest.raises(ValidationError) as error:
        shell.arguments.model_validate(arguments)
    assert "a-secret" not in str(error.value)


def form(*fields: dict[str, Any]) -> Question:
    """The form of a call of ask_user."""
    return AskUser().question(AskUserArguments.model_validate({"message": "Well?", "fields": list(fields)}))


def test_a_form_becomes_a_flat_schema() -> None:
    question = form(
        {"name": "city", "description": "Where?", "value": "Bonn"},
        {"name": "guests", "type": "number", "value": 2},
        {"name": "room", "type": "choice", "choices": ["single", "double"]},
        {"name": "breakfast", "type": "checkbox", "required": False, "value": True},
        {"name": "api_key", "type": "secret"},
    )
    assert question.message == "Well?"
    assert question.schema == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "title": "city", "description": "Where?", "default": "Bonn"},
            "guests": {"type": "number", "title": "guests", "default": 2},
            "room": {"type": "string", "title": "room", "enum": ["single", "double"]},
            "breakfast": {"type": "boolean", "title": "breakfast", "default": True},
            "api_key": {"type": "string", "title": "api key", "format": "password", "writeOnly": True},
        },
        "required": ["city", "guests", "room", "api_key"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "field",
    [
        {"name": "a b"},
        {"name": "a", "type": "choice"},
        {"name": "a", "choices": ["x"]},
        {"name": "a", "type": "choice", "choices": ["x"], "value": "y"},
        {"name": "a", "type": "number", "value": "two"},
        {"name": "a", "type": "number", "value": True},
        {"name": "a", "type": "checkbox", "value": 1},
        {"name": "a", "type": "secret", "value": "hush"},
    ],
)
def test_a_form_that_makes_no_sense_is_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        form(field)


def test_a_form_has_each_name_once() -> None:
    with pytest.raises(ValidationError):
        form({"name": "a"}, {"name": "a"})


text = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "c", ""]), max_size=30).map("".join)


@given(text, text)
def test_a_diff_can_be_applied(before: str, after: str) -> None:
    assert _applied(before, unified_diff(before, after, "file")) == after


def _applied(before: str, diff: str) -> str:
    """Apply a unified diff, as `patch` does."""
    old, new, position = before.splitlines(keepends=True), [], 0
    lines = diff.splitlines(keepends=True)[2:]
    for number, line in enumerate(lines):
        is_cut = number + 1 < len(lines) and lines[number + 1].startswith("\\")
        body = line[1:].removesuffix("\n") if is_cut else line[1:]
        if line.startswith("@@"):
            start, count = map(int, line.split()[1][1:].split(","))
            begin = start - 1 if count else start
            new += old[position:begin]
            position = begin
        elif line.startswith("+"):
            new.append(body)
        elif line[0] in " -":
            assert old[position] == body
            position += 1
            new += [body] if line[0] == " " else []
    return "".join([*new, *old[position:]])


def test_a_huge_change_costs_little_and_shows_its_beginning() -> None:
    before = "".join(f"{number % 7}\n" for number in range(200_000))
    after = "".join(f"{number % 5}\n" for number in range(200_000))
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        diff = unified_diff(before, after, "file")
    finally:
        sys.setprofile(None)
    assert calls < 5_000_000
    assert len(diff) < 66_000
    assert diff.endswith("[... the diff goes on ...]\n")
