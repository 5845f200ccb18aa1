"""One SMTP connection as a client sees it: commands go out, replies come back in order, everything is recorded.

Nothing here knows which command makes sense when: that is `client.smtp`.
"""

import asyncio
import ssl
from collections import deque

from pillarbox.grammar.smtp import replies
from pillarbox.grammar.smtp.replies import Reply, ReplyReader
from pillarbox.model.errors import MailError, SyntaxProblem, Unavailable
from pillarbox.model.limits import Limits
from pillarbox.model.passport import Speaker
from pillarbox.model.transcript import Transcript
from pillarbox.wire.connection import Line, connect

UNREAD_OCTETS = 4 << 20
"""Of replies that nobody has asked for yet; a thousand recipients in one go bring a tenth of it."""


class ConnectionLost(Unavailable):
    """The peer closed, or spoke something else than SMTP."""


class SmtpLine:
    """The sink of a client's connection: a queue of replies."""

    def __init__(self, recorder: Transcript, limits: Limits) -> None:
        self.recorder = recorder
        self.limits = limits
        self._line: Line | None = None
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._unread_octets = 0
        self._waiting: asyncio.Future[None] | None = None
        self._problem: MailError | None = None

    async def open(self, host: str, port: int, *, tls: ssl.SSLContext | None, server_hostname: str | None) -> None:
        """Connect. Raises: Unavailable."""
        self.recorder.server = f"{host}:{port}"
        await connect(host, port, self, self.limits, tls=tls, server_hostname=server_hostname)

    # --- the sink ------------------------------------------------------------------------------------------------

    def connected(self, connection: Line) -> None:
        """Told by wire."""
        self._line = connection
        self.recorder.client, self.recorder.server = connection.local, connection.peer
        self._note_tls()

    def received(self, data: bytes) -> None:
        """Told by wire."""
        if self._problem is not None:
            return
        self._unread_octets += len(data)
        try:
            self._replies.extend(self._reader.feed(data))
        except SyntaxProblem as problem:
            self.give_up(f"the peer does not speak SMTP: {problem.text}")
        if self._unread_octets > UNREAD_OCTETS:
            self.give_up("the peer speaks without end")
        self._wake()

    def idle(self) -> None:
        """Told by wire."""

    def shutdown(self) -> None:
        """Told by wire."""
        self.abort()

    def closed(self) -> None:
        """Told by wire."""
        self._fail(ConnectionLost("the peer closed the connection"))
        self._wake()

    def _fail(self, problem: MailError) -> None:
        if self._problem is None:
            self._problem = problem

    def give_up(self, reason: str) -> None:
        """Nothing more can be said on this connection: close it, and say why to whoever tries."""
        self._fail(ConnectionLost(reason))
        self.abort()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _note_tls(self) -> None:
        if self._line is not None and self._line.tls:
            self.recorder.tls = self._line.tls
            self.recorder.event(f"TLS: {self._line.tls}")

    # --- what the client does --------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether anything may still be said."""
        return self._line is not None and self._problem is None

    @property
    def has_reply(self) -> bool:
        """Whether the peer has said something that nobody has heard yet."""
        return bool(self._replies)

    @property
    def tls(self) -> str:
        """Version and cipher, or empty."""
        return "" if self._line is None else self._line.tls

    def send(self, command: bytes, *, shown: str | None = None) -> None:
        """A command line with CRLF; `shown` is recorded in its place when it holds a secret."""
        if self._line is not None:
            self.recorder.add(Speaker.CLIENT, command if shown is None else shown)
            self._line.write(command)

    async def send_content(self, data: bytes) -> None:
        """Octets of content; waits while the peer reads slowly. Raises: ConnectionLost."""
        if self._line is None or self._problem is not None:
            raise self._problem or ConnectionLost("not connected")
        self._line.write(data)
        if self._line.is_congested:
            try:
                await self._line.wait_drained()
            except Unavailable:
                raise self._problem or ConnectionLost("the peer closed the connection") from None

    async def reply(self, timeout_seconds: float) -> Reply:
        """The next reply. Raises: ConnectionLost, also when it does not come in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not self._replies:
                    if self._problem is not None:
                        raise self._problem
                    self._waiting = asyncio.get_running_loop().create_future()
                    await self._waiting
        except TimeoutError:
            self.recorder.event(f"no reply within {timeout_seconds:g} s")
            self.give_up(f"no reply within {timeout_seconds:g} s")
            raise self._problem or ConnectionLost("no reply in time") from None
        reply = self._replies.popleft()
        if not self._replies:
            self._unread_octets = 0
        self.recorder.add(Speaker.SERVER, replies.format(reply))
        return reply

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Encrypt; what came in the clear after the 220 is thrown away. Raises: Unavailable."""
        assert self._line is not None
        self._reader = ReplyReader()
        self._replies.clear()
        await self._line.start_tls(context, server_side=False, server_hostname=server_hostname)
        self._note_tls()

    def close(self) -> None:
        """Close once all is sent."""
        if self._line is not None:
            self._line.close()

    def abort(self) -> None:
        """Close now."""
        if self._line is not None:
            self._line.abort()
