"""The site's source as trees: which function calls what, and what stands around it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Call:
    """A call in a function, with the statements and functions around it, the outermost first."""

    module: str
    node: ast.Call
    around: tuple[ast.AST, ...]

    @property
    def name(self) -> str:
        """What is called, without its owner."""
        return called(self.node)

    @property
    def function(self) -> str:
        """The function that calls."""
        return next((node.name for node in reversed(self.around) if isinstance(node, FUNCTIONS)), "")

    @property
    def place(self) -> str:
        """Where, for a person."""
        return f"{self.module}:{self.node.lineno} in {self.function}"

    def withs(self) -> Iterator[ast.Call]:
        """What is entered by the `with` statements around it in its own function."""
        for node in self.around:
            if isinstance(node, ast.With):
                yield from (item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call))


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Source:
    """Some packages of the site."""

    def __init__(self, *folders: str) -> None:
        self._files = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))

    @cached_property
    def calls(self) -> list[Call]:
        """Every call."""
        found: list[Call] = []
        for path in self._files:
            if "migrations" not in path.parts:
                found += _calls(str(path.relative_to(ROOT)), ast.parse(path.read_text()), ())
        return found

    def to(self, *names: str) -> list[Call]:
        """The calls of these names."""
        return [call for call in self.calls if call.name in names]

    def within(self, call: Call) -> list[Call]:
        """All calls of the function that `call` stands in."""
        return [other for other in self.calls if (other.module, other.function) == (call.module, call.function)]


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def owner(node: ast.Call) -> str:
    """What it is called on, as it is written."""
    return ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""


def literal(node: ast.Call, position: int) -> str:
    """An argument as it is written, without quotation marks."""
    return ast.unparse(node.args[position]).strip("'\"") if len(node.args) > position else ""


def _calls(module: str, node: ast.AST, around: tuple[ast.AST, ...]) -> Iterator[Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield Call(module, child, around)
        inside = (*around, child) if isinstance(child, (ast.With, *FUNCTIONS)) else around
        yield from _calls(module, child, inside)
