"""What the rehearsal engine understands: plain sentences, each read into what a model would do for it."""

import ast
import re
from collections.abc import Callable
from typing import Any

from agents_app.engines.rehearsal.moves import FAILURES, WORDS_PER_SECOND, Move
from agents_app.engines.rehearsal.texts import HIDDEN_FIELD, SAMPLE, form, thoughts, words

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("What is 17% of 2,340? Use Python.", "works it out with the python tool, in the sandbox"),
    ("Run `uname -a`", "calls the shell"),
    ("Run `date` and `ls -la`", "calls the shell twice at once"),
    ("Write hello to notes.txt", "writes a file in the session's workspace"),
    ("Read notes.txt", "reads it"),
    ("List files", "shows what the workspace holds"),
    ("Edit notes.txt: replace hello with good morning", "changes it, shown as a diff"),
    ("Write hello to notes.txt, then read it", "does one after the other"),
    ("Ask me for the facts of a trip", "shows a form: text, number, choice, checkbox and secret"),
    (
        "Ask me for a secret, then run `echo ${#PASSPHRASE}` with the secret passphrase",
        "passes a secret on that the model never sees",
    ),
    ("Think about the weather", "reasons first, then answers"),
    ("Write 200 words", "streams that many words, up to 10,000; add “at 500 a second” to change the pace"),
    ("Show markdown", "headings, lists, a table, code"),
    ("Fail with an error", "fails for real: " + ", ".join(FAILURES)),
)
MOST_WORDS = 10_000
MOST_WORDS_PER_SECOND = 2_000.0


def read_moves(message: str) -> list[Move]:
    """The moves that a message asks for, one for each part joined by "then"; none when it asks for nothing known."""
    moves: list[Move] = []
    for part in _parts(message):
        move = _read(part, moves)
        if move is not None:
            moves.append(move)
    return moves


def _parts(message: str) -> list[str]:
    """The message split at "then", but not inside back-quotes."""
    kept = re.split(r"(`[^`]*`)", message.strip())
    marked = [text if text.startswith("`") else re.sub(r"[,.;]?\s*\b(?:and )?then\b,?", "\0", text) for text in kept]
    return [part.strip() for part in "".join(marked).split("\0") if part.strip()]


def _read(part: str, before: list[Move]) -> Move | None:
    for reader in READERS:
        move = reader(part)
        if move is not None:
            return move
    if before and re.search(r"\bread (?:it|that)\b", part, re.I):
        return _file_call("read_file", path=_path_of(before))
    return None


def _path_of(moves: list[Move]) -> str:
    """The file that was spoken of last."""
    given = [arguments for move in moves for _, arguments in move.calls if isinstance(arguments, dict)]
    return next((arguments["path"] for arguments in reversed(given) if "path" in arguments), "notes.txt")


def _fail(part: str) -> Move | None:
    found = re.match(r"(?:please )?fail\b(.*)", part, re.I | re.S)
    if found is None:
        return None
    wanted = found[1].lower()
    return next((move for name, move in FAILURES.items() if name in wanted), FAILURES["error"])


def _think(part: str) -> Move | None:
    found = re.match(r"(?:please )?think(?: hard| aloud)?(?: about)?\b(.*)", part, re.I | re.S)
    if found is None:
        return None
    topic = found[1].strip(" .?!:") or "it"
    answer = f"I have thought about {topic}, as far as a rehearsal engine can; the reasoning came before this answer."
    return Move(answer, reasoning=thoughts(topic))


def _count_words(part: str) -> Move | None:
    found = re.search(
        r"\bwrite (?:about )?([\d,]+) words\b(?:.*?\bat ([\d,]+) (?:words )?(?:a|per) second)?", part, re.I
    )
    if found is None:
        return None
    pace = float(found[2].replace(",", "")) if found[2] else WORDS_PER_SECOND
    count = min(int(found[1].replace(",", "") or 0), MOST_WORDS)
    return Move(words(count), words_per_second=min(max(pace, 1.0), MOST_WORDS_PER_SECOND))


def _ask(part: str) -> Move | None:
    found = re.match(r"(?:please )?ask me\b(?: for| about)?(.*)", part, re.I | re.S)
    return Move(calls=(("ask_user", form(found[1].strip(" .?!:"))),)) if found else None


def _run(part: str) -> Move | None:
    commands = re.findall(r"`([^`]+)`", part)
    if not commands or not re.match(r"(?:please )?(?:run|execute)\b", part, re.I):
        return None
    secret = re.search(r"\bwith (?:the|my) secret(?: (\w+))?", part, re.I)
    name = (secret[1] or HIDDEN_FIELD) if secret else ""
    extra: dict[str, Any] = {"env": {name.upper(): f"⟨secret:{name}⟩"}} if secret else {}
    return Move(calls=tuple(("shell", {"command": command} | extra) for command in commands))


def _edit(part: str) -> Move | None:
    found = re.match(r"(?:please )?edit `?([^\s`:]+)`?:? replace (.+?) with (.+)", part, re.I | re.S)
    if found is None:
        return None
    return _file_call("edit_file", path=found[1], old=_bare(found[2]), new=_bare(found[3].rstrip(". ")))


def _write(part: str) -> Move | None:
    found = re.match(r"(?:please )?write (.+) to (?:the file )?`?([\w./-]+\.\w+)`?\W*$", part, re.I | re.S)
    return _file_call("write_file", path=found[2], content=_bare(found[1]) + "\n") if found else None


def _read_file(part: str) -> Move | None:
    found = re.match(r"(?:please )?read (?:the file )?`?([\w./-]+\.\w+)`?", part, re.I)
    return _file_call("read_file", path=found[1]) if found else None


def _list(part: str) -> Move | None:
    found = re.match(r"(?:please )?list (?:the |all |my )*files(?: in `?([\w./-]+/[\w./-]*)`?)?", part, re.I)
    if found is None:
        return None
    return _file_call("list_files", **({"path": found[1]} if found[1] else {}))


def _markdown(part: str) -> Move | None:
    return Move(SAMPLE) if re.match(r"(?:please )?show (?:me )?(?:some )?markdown", part, re.I) else None


def _arithmetic(part: str) -> Move | None:
    expression = arithmetic(part)
    if expression is None:
        return None
    code = f'result = {expression}\nprint(f"{{result:,}}" if isinstance(result, int) else f"{{result:,.10g}}")'
    return Move(calls=(("python", {"code": code}),), says=f"{expression} = ")


def arithmetic(sentence: str) -> str | None:
    """The first arithmetic expression of a sentence, in Python; None when there is none with an operator."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", sentence.lower())
    for spoken, written in SPOKEN:
        text = re.sub(spoken, written, text)
    for found in sorted(re.findall(r"[\d(.\-][\d\s()+\-*/.]*", text), key=len, reverse=True):
        expression = " ".join(str(found).strip().rstrip(".").split())
        if _is_expression(expression):
            return expression
    return None


def _is_expression(text: str) -> bool:
    try:
        body = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return isinstance(body, ast.BinOp) and len(text) < 200


def _file_call(name: str, **arguments: str) -> Move:
    return Move(calls=((name, dict(arguments)),))


def _bare(text: str) -> str:
    """Without the quotes around it."""
    return text.strip().strip("`\"'“”‘’")


SPOKEN = (
    (r"([\d.]+)\s*%\s*of\s*", r"\1 / 100 * "),
    (r"([\d.]+)\s*percent of\s*", r"\1 / 100 * "),
    (r"\bplus\b", "+"),
    (r"\bminus\b", "-"),
    (r"\btimes\b|\bmultiplied by\b|×|(?<=\d)\s*x\s*(?=\d)", "*"),
    (r"\bdivided by\b|÷", "/"),
    (r"\bto the power of\b|\^", "**"),
    (r"−", "-"),
)
READERS: tuple[Callable[[str], Move | None], ...] = (
    _fail,
    _think,
    _count_words,
    _ask,
    _run,
    _edit,
    _write,
    _read_file,
    _list,
    _markdown,
    _arithmetic,
)
