"""The control socket: its owner alone, one request and one answer, and whatever else may be said to it."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import msgspec
import pytest

from pillarbox.model.errors import Unavailable
from pillarbox.wire import unix
from pillarbox.wire.unix import ControlClosed, ControlServer, request
from wire.witness import SECONDS


async def echo(document):
    return {"answer": document}


@pytest.fixture
async def path(tmp_path: Path):
    server = ControlServer(tmp_path / "control.sock", echo)
    await server.open()
    yield tmp_path / "control.sock"
    await server.close()


async def ask_raw(path: Path, octets: bytes, *, half_close: bool = False) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(octets)
        if half_close:
            writer.write_eof()
        async with asyncio.timeout(SECONDS):
            return await reader.read()
    finally:
        writer.close()


async def test_a_request_is_answered(path):
    assert await request(path, {"request": "queue", "größe": [1, None]}) == {
        "answer": {"request": "queue", "größe": [1, None]}
    }


async def test_a_large_request_and_answer_pass(path):
    document = "x" * 5_000_000
    assert await request(path, document) == {"answer": document}


@pytest.mark.parametrize("umask", [0, 0o777])
async def test_its_owner_alone_may_open_it_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        server = ControlServer(tmp_path / "control.sock", echo)
        await server.open()
        assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600
        await server.close()
    finally:
        os.umask(before)


async def test_the_umask_of_the_process_stays_as_it_is_while_it_opens(tmp_path, monkeypatch):
    """Threads of the same process make files at the same time, and those must not come out with wrong modes."""
    asked = []
    monkeypatch.setattr(os, "umask", lambda mask: asked.append(mask) or 0o022)
    server = ControlServer(tmp_path / "control.sock", echo)
    await server.open()
    await server.close()
    assert asked == []


async def test_a_socket_that_was_left_behind_is_replaced(tmp_path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    server = ControlServer(tmp_path / "control.sock", echo)
    await server.open()
    assert await request(tmp_path / "control.sock", 1) == {"answer": 1}
    await server.close()


async def test_a_folder_in_its_place_is_named(tmp_path):
    (tmp_path / "control.sock").mkdir()
    with pytest.raises(Unavailable, match=r"control\.sock"):
        await ControlServer(tmp_path / "control.sock", echo).open()


async def test_a_path_longer_than_a_socket_address_works(tmp_path):
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    server = ControlServer(folder / "control.sock", echo)
    await server.open()
    assert await request(folder / "control.sock", "far away") == {"answer": "far away"}
    assert stat.S_IMODE((folder / "control.sock").stat().st_mode) == 0o600
    await server.close()
    assert not (folder / "control.sock").exists()


async def test_nobody_there_is_said_so(tmp_path):
    with pytest.raises(ControlClosed):
        await request(tmp_path / "control.sock", {})
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    with pytest.raises(ControlClosed):
        await request(tmp_path / "control.sock", {})


async def test_close_removes_the_socket(tmp_path):
    server = ControlServer(tmp_path / "control.sock", echo)
    await server.open()
    await server.close()
    assert list(tmp_path.iterdir()) == []
    await server.close()


@pytest.mark.parametrize(
    "octets", [b"no json\n", b"\xff\xfe\n", b"{\n", b"[" * 100_000 + b"\n", b"\n", b'{"a": 1} more\n']
)
async def test_what_is_no_json_gets_no_answer_and_harms_nobody(path, octets):
    assert await ask_raw(path, octets) == b""
    assert await request(path, 2) == {"answer": 2}


async def test_half_a_request_gets_no_answer(path):
    assert await ask_raw(path, b'{"request": "que', half_close=True) == b""


async def test_a_request_without_end_is_cut_off(path, monkeypatch):
    server = ControlServer(path.with_name("small.sock"), echo)
    monkeypatch.setattr(unix, "LINE_OCTETS", 10_000)
    await server.open()
    assert await ask_raw(path.with_name("small.sock"), b"x" * 19_999) == b""
    await server.close()


@pytest.mark.parametrize("answer", [b"", b'{"answer": ', b"no json\n", b'{"answer": 1}'])
async def test_an_answer_that_is_not_whole_is_unavailable(tmp_path, answer):
    """A server that is killed while it answers."""

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(break_off, tmp_path / "control.sock")
    with pytest.raises(Unavailable):
        await request(tmp_path / "control.sock", {"request": "queue"})
    server.close()


async def test_many_ask_at_the_same_time(path):
    answers = await asyncio.gather(*(request(path, number) for number in range(50)))
    assert answers == [{"answer": number} for number in range(50)]


def test_an_answer_is_one_line_of_json():
    assert b"\n" not in msgspec.json.encode({"text": "two\nlines"})
