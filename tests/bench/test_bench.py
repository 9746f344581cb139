"""The benchmark measures what it says: exact answers pass, a lost, doubled or wrong token does not."""

import json
import sqlite3
from pathlib import Path

import aiohttp
import pytest

from bench.answer import answer, token
from bench.dialects import RECONNECTED, Frame, HtmlSocket, JsonSocket, PassThroughSocket
from bench.figures import Arrival, Level, Spread, arrival
from bench.load import Plan, Turn
from bench.measurements import Bench
from bench.processes import LOAD_CORE, SERVER_CORE, Server, free_port
from bench.report import render
from bench.results import Results
from bench.transactions import TransactionCounter
from bench.websocket import Socket

SENT = {"turn": {"requested_at": 1.0, "sent": [2.0, 3.0, 4.0], "finished": True, "closed_at": 0.0}}


def _delta(at: float, off: int, text: str) -> Frame:
    frame = {"type": "generating", "message_id": "m", "off": off, "data": {"content": text, "event": "delta"}}
    return at, json.dumps(frame).encode()


def _whole(at: float, text: str) -> Frame:
    frame = {"type": "generating", "message_id": "m", "off": 0, "data": {"content": text, "event": "completed"}}
    return at, json.dumps(frame).encode()


def _came(frames: list[Frame], *, html: bool = False) -> Arrival:
    turn = Turn("turn", 3, sent_at=0.5, ended_at=5.0, frames=frames)
    return arrival(HtmlSocket("", "") if html else JsonSocket(""), [turn], SENT)


def test_an_exact_answer_passes_and_each_token_has_its_delay() -> None:
    found = _came([_delta(2.1, 0, token(0)), _delta(4.5, 6, token(1) + token(2)), _whole(5.0, answer(3))])
    assert found.exact
    assert found.tokens == 3
    assert found.delay.p99 == pytest.approx(1500)
    assert found.first_token.p50 == pytest.approx(600)
    assert found.request.p50 == pytest.approx(500)


@pytest.mark.parametrize(
    ("frames", "lost", "doubled"),
    [
        ([_delta(2.1, 0, token(0)), _delta(4.1, 12, token(2)), _whole(5, answer(3))], 1, 0),
        ([_delta(2.1, 0, token(0)), _delta(4.1, 0, answer(3)), _whole(5, answer(3))], 0, 1),
        ([_delta(4.1, 0, answer(3)), _whole(5, answer(2))], 0, 0),
        ([_delta(4.1, 0, token(1) + token(0) + token(2)), _whole(5, answer(3))], 0, 0),
        ([_delta(4.1, 0, answer(3))], 0, 0),
    ],
    ids=["lost", "doubled", "cut whole", "wrong order", "no whole"],
)
def test_an_answer_that_is_not_exact_does_not_pass(frames: list[Frame], lost: int, doubled: int) -> None:
    found = _came(frames)
    assert not found.exact
    assert (found.lost, found.doubled) == (lost, doubled)


def test_what_is_sent_again_after_coming_back_is_not_doubled() -> None:
    back = [_delta(2.1, 0, token(0)), (2.5, RECONNECTED), _delta(4.1, 0, answer(3)), _whole(5, answer(3))]
    assert _came(back).exact


def test_html_frames_append_and_replace() -> None:
    def frame(at: float, content: str, target: str, swap: str) -> Frame:
        return at, json.dumps({"seq": 1, "content": content, "target": target, "swap": swap}).encode()

    article = '<article id="item-m" class="item agent message" data-status="{}"><p>{}</p></article>'
    frames = [
        frame(1.9, article.format("streaming", ""), "#item-m", "outerMorph"),
        frame(2.1, token(0), "#message-m-text", "beforeend"),
        frame(4.1, token(1) + token(2), "#message-m-text", "beforeend"),
        frame(5.0, article.format("completed", answer(3)), "#item-m", "outerMorph"),
    ]
    found = _came(frames, html=True)
    assert found.exact
    assert found.first_token.p50 == pytest.approx(600), "an empty message is no token"
    assert not _came(frames[:-1], html=True).exact


async def test_frames_are_read_wherever_the_bytes_are_split() -> None:
    frames = b"\x81\x02hi\x81\x7e\x00\x80" + b"x" * 128 + b"\x81\x7f" + (70_000).to_bytes(8, "big") + b"y" * 70_000
    stream = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + frames
    for split in (5, 36, 37, 38, 40, 42, 44, 100, 180, 300, len(stream) - 1):
        heard: list[bytes] = []
        socket = Socket(lambda _, payload, heard=heard: heard.append(payload))  # type: ignore[misc]
        socket.data_received(stream[:split])
        socket.data_received(stream[split:])
        assert heard == [b"hi", b"x" * 128, b"y" * 70_000]


async def test_transactions_are_counted_in_the_log(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "db", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE word (text)")
        async with TransactionCounter(tmp_path / "db") as counter:
            for _ in range(3):
                connection.execute("BEGIN")
                connection.executemany("INSERT INTO word VALUES (?)", [("x" * 5000,)] * 3)
                connection.execute("COMMIT")
            connection.execute("SELECT * FROM word").fetchall()
        assert counter.count == 3
    finally:
        connection.close()


async def test_the_pass_through_is_measured_with_the_scripted_model(tmp_path: Path) -> None:
    port, site = free_port(), free_port()
    url = f"http://127.0.0.1:{port}/v1"
    model = Server(["-m", "bench.model", "--port", str(port)], port, LOAD_CORE, tmp_path / "model.log", {})
    arguments = ["-m", "bench.baseline", "--port", str(site), "--model-url", url]
    with model, Server(arguments, site, SERVER_CORE, tmp_path / "site.log", {}) as server:
        async with aiohttp.ClientSession() as http:
            bench = Bench(server, http, url, None)
            level = await bench.level(PassThroughSocket(), ["", ""], Plan(tokens=20, rate=200, spread_seconds=0.05))
            greedy = await bench.level(PassThroughSocket(), [""], Plan(tokens=300, rate=0, turns=1, spread_seconds=0))
    assert level.arrival.exact, level.arrival.problems
    assert level.arrival.tokens == 80
    assert level.cpu_seconds > 0
    assert greedy.arrival.exact, greedy.arrival.problems


def test_the_report_says_what_is_held_and_what_is_not() -> None:
    spread = Spread(1, 2, 40)
    came = Arrival(spread, spread, spread, 1000, 0, 0, 0, ())
    results = Results("make bench", "a load")
    results.pass_through.levels = [Level(100, came, 10, 0.2, 60, 0)]
    results.json.levels = [Level(100, came, 10, 0.1, 100, 5)]
    report = render(results)
    assert "| CPU s per 1,000 tokens, 100 sessions | **0.50×** | – | 0.200 s | 0.100 s | – |" in report
    assert "| CPU s per 1,000 tokens, JSON, 100 sessions | ≤ 0.080 s | 0.100 s | **no** (1.2×) |" in report
    assert "| token delay p99, JSON, 100 sessions | ≤ 75 ms | 40 ms | yes |" in report
    assert "| memory of an idle socket | ≤ 45 kB | – | not measured |" in report
