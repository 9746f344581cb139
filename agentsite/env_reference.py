"""`.env.example` and the table of `docs/configuration.md`, made from the declarations of `agentsite.env`.

`python -m agentsite.env_reference` writes both; a test holds them equal.
"""

from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from agentsite.env import BASE_DIR, declared

EXAMPLE_HEAD = """# Copy to .env and take the # away from what you change. An unset or empty variable has its default.
# Made by `python -m agentsite.env_reference`.
"""
TABLE_START = "<!-- table: made by python -m agentsite.env_reference -->\n"
TABLE_END = "<!-- end of table -->\n"


def example() -> str:
    """The text of `.env.example`."""
    lines = [f"\n# {info.description}\n# {name}={_default(info)}\n" for name, info in declared().items()]
    return EXAMPLE_HEAD + "".join(lines)


def table() -> str:
    """The table of `docs/configuration.md`."""
    rows = ["| variable | default | what it does | values |\n| --- | --- | --- | --- |\n"]
    for name, info in declared().items():
        shown = f"`{_default(info)}`" if _default(info) else ""
        rows.append(f"| `{name}` | {shown} | {info.description} | {_extra(info)['type_instead']} |\n")
    return "".join(rows)


def with_table(page: str) -> str:
    """`page` with the table between its two marks replaced."""
    head, rest = page.split(TABLE_START)
    return head + TABLE_START + table() + TABLE_END + rest.split(TABLE_END)[1]


def main() -> None:
    """Write both files."""
    page = BASE_DIR / "docs" / "configuration.md"
    Path(BASE_DIR / ".env.example").write_text(example(), encoding="utf-8")
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")


def _extra(info: FieldInfo) -> dict[str, Any]:
    assert isinstance(info.json_schema_extra, dict)
    return dict(info.json_schema_extra)


def _default(info: FieldInfo) -> str:
    value = info.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    main()
