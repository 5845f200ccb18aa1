"""The pump: a bug ends neither the connection nor what had come with the command that met it."""

import asyncio

from pillarbox.serve.dialogue.pump import Pump
from pillarbox.wire.memory import connect_in_memory


class Lines(Pump):
    """Says each line again; at the line `bug` it has one."""

    def __init__(self, spawn) -> None:
        super().__init__(spawn)
        self.waiting: list[bytes] = []

    async def work(self) -> None:
        self.waiting += self.take().splitlines(keepends=True)
        while self.waiting:
            line = self.waiting.pop(0)
            if line == b"bug\n":
                raise KeyError("a bug of ours")
            self.line.write(line)

    def report_bug(self) -> None:
        self.line.write(b"sorry\n")


class Client:
    def __init__(self) -> None:
        self.octets = b""
        self.came = asyncio.Event()

    def connected(self, connection) -> None:
        self.line = connection

    def received(self, data: bytes) -> None:
        self.octets += data
        if self.octets.endswith(b"last\n"):
            self.came.set()

    def idle(self) -> None: ...

    def shutdown(self) -> None: ...

    def closed(self) -> None: ...


async def test_what_came_behind_a_bug_is_done_all_the_same():
    async with asyncio.TaskGroup() as tasks:
        client = Client()
        connect_in_memory(client, Lines(tasks.create_task))
        client.line.write(b"one\nbug\nbug\nlast\n")
        async with asyncio.timeout(10):
            await client.came.wait()
        client.line.abort()
    assert client.octets == b"one\nsorry\nsorry\nlast\n"
