"""What is pushed: StateChange and PushVerification objects, and the events that bring them (RFC 8620 §7); both ways.

    event: state
    id: 35
    data: {"@type":"StateChange","changed":{"a1":{"Email":"35"}}}

An event ends with an empty line; a line that begins with a colon says nothing (HTML §9.2.6). What an event holds here
is one line of JSON each, so nothing in it can end it.
"""

from collections.abc import Mapping

import msgspec

from pillarbox.grammar.jmap import ijson
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.model.errors import SyntaxProblem

CONTENT_TYPE = "text/event-stream"
NOTHING = b":\n\n"
"""A comment: keeps a connection from looking dead, and shows when it is."""

TypeStates = Mapping[str, str]


class Event(msgspec.Struct, frozen=True):
    """One event; an empty `name` and no data is none, but its id counts."""

    name: str = ""
    data: JsonObject | None = None
    id: str | None = None


def state_change(account_id: str, states: TypeStates, *, push_state: str | None = None) -> JsonObject:
    """RFC 8620 §7.1; `pushState` is for WebSockets (RFC 8887 §4.3.5.1)."""
    made: JsonObject = {"@type": "StateChange", "changed": {account_id: dict(states)}}
    return made if push_state is None else {**made, "pushState": push_state}


def verification(subscription_id: str, code: str) -> JsonObject:
    """RFC 8620 §7.2.2."""
    return {"@type": "PushVerification", "pushSubscriptionId": subscription_id, "verificationCode": code}


def format_event(event: Event) -> bytes:
    """The event with its end."""
    lines = [f"event: {event.name}\n".encode()] if event.name else []
    if event.id is not None:
        lines.append(f"id: {event.id}\n".encode())
    if event.data is not None:
        lines += (b"data: ", ijson.encode(event.data), b"\n")
    return b"".join((*lines, b"\n"))


def parse_event(block: bytes) -> Event:
    """The event in lines up to an empty one. Raises: SyntaxProblem."""
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise SyntaxProblem("UTF-8", problem.start) from None
    found: dict[str, list[str]] = {"event": [], "id": [], "data": []}
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, _, value = line.partition(":")
        if name in found:
            found[name].append(value.removeprefix(" "))
    data: object = ijson.decode("\n".join(found["data"]).encode()) if found["data"] else None
    if data is not None and not isinstance(data, dict):
        raise SyntaxProblem("an object as an event's data")
    return Event(found["event"][-1] if found["event"] else "", data, found["id"][-1] if found["id"] else None)
