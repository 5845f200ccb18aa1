"""One HTTP connection: uvicorn's, with bounds on what a peer may send and how long it may take.

Uvicorn bounds neither the size of a header nor the time that it takes to come, reads any number of requests ahead, and
takes the trailers behind a body for header fields. Here one request is parsed at a time: octets that follow it are held
until it is answered. What must never happen: a connection that is counted and not uncounted, whichever protocol it ends
with; an answer that a client takes for that of another request.

Standards: RFC 9110 §6.5.1, §15.5.9; RFC 9112 §9.3.2, §9.5, §9.6; RFC 6585 §5.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_remote_addr

from pillarbox.model.limits import Limits
from pillarbox.serve.http.head import (
    NOT_HTTP,
    TOO_LARGE,
    TOO_MANY,
    TOO_SLOW,
    UPGRADE_WITH_BODY,
    Refusal,
    check_head,
    length_of,
)
from pillarbox.serve.http.stall import StallWatch

ANSWER = (
    b"HTTP/1.1 %b\r\nDate: %b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n%b\n"
)
BODY_PIECE_OCTETS = 1_000
"""So much of a body must come in `http_body_stall_seconds`: one octet a time would hold a connection for ever."""
HELD_OCTETS = 600_000
"""Of requests sent ahead. Reading stops with the first octet held, so that no honest client comes near."""
DRAINED_OCTETS = 1_000_000
"""Of a body that nobody reads any more because its answer is out."""
LINGER_SECONDS = 2.0

SILENT = logging.Logger("http", logging.CRITICAL + 1)
"""For uvicorn: it would log what peers do wrong, and bugs that `application` has logged already."""


class Bounds(msgspec.Struct, frozen=True):
    """What all connections of a listener share. `enter` says whether one more may come from a host; `leave` undoes it;
    `gone` is called when any connection has ended, `date` is for answers that no application makes."""

    limits: Limits
    enter: Callable[[str], bool]
    leave: Callable[[str], None]
    gone: Callable[[], None]
    date: Callable[[], bytes]


class Phase(Enum):
    """What a connection is at."""

    HEAD = "a head comes, or nothing"
    BODY = "a body comes"
    ANSWER = "the request is whole; what follows is held until it is answered"
    DEAF = "what comes is thrown away: the connection ends, or is another protocol's"


class StopParsing(Exception):
    """Raised within the parser, which then has had enough, and so has uvicorn: `send_400_response` follows."""


class BoundedHttp(HttpToolsProtocol):
    """A connection that speaks HTTP/1.1."""

    bounds: ClassVar[Bounds]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = SILENT
        self._phase = Phase.HEAD
        self._host: str | None = None
        self._held = b""
        self._tail = b""  # of the head, for an end that comes in two pieces
        self._head_octets = 0
        self._body_left: int | None = 0
        self._body_octets = 0
        self._drained_octets = 0
        self._refusal: Refusal | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall: StallWatch

    # what the loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Called by the loop."""
        super().connection_made(transport)
        limits = self.bounds.limits
        self._stall = StallWatch(self.loop, transport, limits.write_stall_seconds)
        host = (get_remote_addr(transport) or ("", 0))[0]
        if not self.bounds.enter(host):
            self._say(TOO_MANY)
            self._phase = Phase.DEAF
            self._close()
            return
        self._host = host
        self._wait(limits.http_header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._stop_waiting()
        self._stall.stop()
        self._unset_keepalive_if_required()
        self._phase, self._held = Phase.DEAF, b""
        super().connection_lost(exc)
        if self._host is not None:
            host, self._host = self._host, None
            self.bounds.leave(host)
        self.bounds.gone()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._phase is Phase.DEAF or self.transport.is_closing():
            return
        self._held = self._held + data if self._held else data
        if self._phase is not Phase.ANSWER:
            self._feed()
        elif len(self._held) > HELD_OCTETS:
            self.transport.abort()
        if self._held:
            self.flow.pause_reading()

    def pause_writing(self) -> None:
        """Called by the loop."""
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        """Called by the loop."""
        super().resume_writing()
        self._stall.end()

    # one request at a time

    def _feed(self) -> None:
        while self._held and self._phase in (Phase.HEAD, Phase.BODY) and not self.transport.is_closing():
            end = self._end_of_piece()
            piece, self._held = self._held[:end], self._held[end:]
            if self._phase is Phase.HEAD:
                self._head_octets += len(piece)
                if self._timer is None:
                    self._wait(self.bounds.limits.http_header_seconds)
                if self._head_octets > self.bounds.limits.http_header_octets:
                    self._refuse(TOO_LARGE)
                    return
            super().data_received(piece)

    def _end_of_piece(self) -> int:
        """How much of what is held belongs to the request at hand, as far as that can be told."""
        if self._phase is Phase.BODY:
            return len(self._held) if self._body_left is None else min(self._body_left, len(self._held))
        end = (self._tail + self._held).find(b"\r\n\r\n")
        if end >= 0:
            end, self._tail = end + 4 - len(self._tail), b""
            return end
        self._tail = (self._tail + self._held)[-3:]
        return len(self._held)

    # what the parser calls

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self._phase is Phase.ANSWER:
            # A request in the octets that ended a chunked body. Its client will send it again (RFC 9112 §9.3.2).
            self.cycle.keep_alive = False
            self._phase = Phase.DEAF
            raise StopParsing
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too: they are no header fields (RFC 9110 §6.5.1)."""
        if self._phase is Phase.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self._refusal = check_head(method, version, self.headers, self.url)
        if self._refusal is None and self.parser.should_upgrade() and length_of(self.headers) != 0:
            self._refusal = UPGRADE_WITH_BODY
        if self._refusal is not None:
            raise StopParsing
        super().on_headers_complete()
        self._phase = Phase.BODY
        self._body_left, self._body_octets, self._drained_octets = length_of(self.headers), 0, 0
        self._wait(self.bounds.limits.http_body_stall_seconds)
        if self.parser.should_upgrade() and not self._should_upgrade():
            self.cycle.keep_alive = False  # to a protocol that we do not speak: one answer (RFC 9110 §7.8)

    def _should_upgrade(self) -> bool:
        """Whether a WebSocket begins here (RFC 6455 §4.1); other requests that say so are taken as they are."""
        begins = self.parser.get_method() == b"GET" and self.parser.get_http_version() == "1.1"
        return begins and super()._should_upgrade()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        if self._body_left is not None:
            self._body_left -= len(body)
        before = self._body_octets // BODY_PIECE_OCTETS
        self._body_octets += len(body)
        if self._body_octets // BODY_PIECE_OCTETS > before:
            self._wait(self.bounds.limits.http_body_stall_seconds)
        if not self.cycle.response_complete:
            super().on_body(body)
            return
        self._drained_octets += len(body)
        if self._drained_octets > DRAINED_OCTETS:
            self._hang_up()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._stop_waiting()
        super().on_message_complete()
        if self._phase is not Phase.DEAF:
            self._phase = Phase.ANSWER
            if self._is_answered():
                self._begin_head()

    def on_response_complete(self) -> None:
        """Called by uvicorn: an answer is written, and the connection closed if it was the last."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._stall.begin()
        elif self._phase is Phase.ANSWER:
            self._begin_head()
            self.loop.call_soon(self._feed)

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _begin_head(self) -> None:
        self._phase, self._head_octets, self._tail = Phase.HEAD, 0, b""
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.bounds.limits.http_keep_alive_seconds, self.timeout_keep_alive_handler
            )

    # another protocol

    def handle_websocket_upgrade(self) -> None:
        """The connection is another protocol's from here on, which counts it as ours did."""
        self._stop_waiting()
        self._stall.stop()
        self._unset_keepalive_if_required()
        self._phase, self._held = Phase.DEAF, b""
        host, self._host = self._host, None
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        assert isinstance(protocol, Counted)
        protocol.host = host

    # ends

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        """Nothing came for too long; a peer that we ourselves do not read is not slow."""
        self._timer = None
        if self._phase is Phase.BODY and (self.flow.read_paused or self.cycle.waiting_for_100_continue):
            self._wait(self.bounds.limits.http_body_stall_seconds)
        elif self._phase is Phase.HEAD and not self._head_octets:
            self._close()
        else:
            self._refuse(TOO_SLOW)

    def timeout_keep_alive_handler(self) -> None:
        """Called by the loop."""
        self.timeout_keep_alive_task = None
        self._close()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when the parser gave up, or one of the methods above."""
        if self._phase is not Phase.DEAF:
            self._refuse(self._refusal or NOT_HTTP)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer the request at hand from here, unless its own answer has begun; then end the connection."""
        if self._is_answered():
            self._say(refusal)
        else:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if not self.cycle.response_started:
                self._say(refusal)
        self._hang_up()

    def _say(self, refusal: Refusal) -> None:
        text = refusal.text
        self.transport.write(ANSWER % (refusal.status, self.bounds.date(), len(text) + 1, text))

    def _hang_up(self) -> None:
        """Say no more, hear for a while: closing at once would reset what the peer has not read (RFC 9112 §9.6)."""
        self._stop_waiting()
        self._unset_keepalive_if_required()
        self._phase, self._held = Phase.DEAF, b""
        if self.transport.can_write_eof():
            self.flow.resume_reading()
            self.transport.write_eof()
            self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self._close()

    def _close(self) -> None:
        self.transport.close()
        self._stall.begin()


class Counted:
    """What takes a connection over, and leaves its host as it ends."""

    host: str | None
