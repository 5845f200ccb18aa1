"""The server's side of a SASL exchange, without the protocol's frame: challenges out, credentials in (RFC 4422 §3)."""

from typing import Protocol

from pillarbox.grammar.sasl.plain import LOGIN_CHALLENGES, Credentials, parse_login, parse_plain
from pillarbox.model.errors import SyntaxProblem


class Exchange(Protocol):
    """Fed the client's responses, one by one."""

    def challenge(self) -> bytes | None:
        """What to ask next; None when all is known."""

    def respond(self, response: bytes) -> None:
        """The client's answer, decoded. Raises: SyntaxProblem."""

    def credentials(self) -> Credentials:
        """Name and password, once `challenge` is None."""


class PlainExchange:
    """One message (RFC 4616 §2)."""

    def __init__(self) -> None:
        self._found: Credentials | None = None

    def challenge(self) -> bytes | None:
        """The empty challenge, when there was no initial response."""
        return b"" if self._found is None else None

    def respond(self, response: bytes) -> None:
        """The message."""
        self._found = parse_plain(response)

    def credentials(self) -> Credentials:
        """What it held."""
        assert self._found is not None
        return self._found


class LoginExchange:
    """Name, then password; an initial response is the name."""

    def __init__(self) -> None:
        self._answers: list[bytes] = []

    def challenge(self) -> bytes | None:
        """`Username:`, `Password:`."""
        return None if len(self._answers) == 2 else LOGIN_CHALLENGES[len(self._answers)]

    def respond(self, response: bytes) -> None:
        """One answer."""
        if len(self._answers) == 2:
            raise SyntaxProblem("no more answers")
        self._answers.append(response)

    def credentials(self) -> Credentials:
        """What they held. Raises: SyntaxProblem."""
        return parse_login(self._answers[0], self._answers[1])


MECHANISMS: dict[str, type[PlainExchange] | type[LoginExchange]] = {"PLAIN": PlainExchange, "LOGIN": LoginExchange}
PLAINTEXT = frozenset(MECHANISMS)
"""Mechanisms that hand over the password: under TLS or on loopback only."""
