"""Values of the model as the JSON that `--json` prints; the field names are a contract with scripts."""

from datetime import datetime
from typing import Any

from pillarbox.model.account import Account, Token
from pillarbox.model.passport import Dialogue, PassportEntry
from pillarbox.model.queued import QueuedMessage


def account_json(account: Account) -> dict[str, Any]:
    """`address, used_octets, quota_octets`."""
    return {
        "address": str(account.address),
        "used_octets": account.used_octets,
        "quota_octets": account.quota_octets,
    }


def token_json(token: Token) -> dict[str, Any]:
    """`name, created, expires, used`; null where there is no such time."""
    return {
        "name": token.name,
        "created": _time(token.created),
        "expires": None if token.expires is None else _time(token.expires),
        "used": None if token.used is None else _time(token.used),
    }


def queued_json(message: QueuedMessage) -> dict[str, Any]:
    """`id, reverse_path, size, arrived, expires, held_until, trace, recipients[address, state, attempts, next_attempt,
    last_reply]`; `held_until` null: it was never held."""
    return {
        "id": str(message.id),
        "reverse_path": "" if message.reverse_path is None else str(message.reverse_path),
        "size": message.size_octets,
        "arrived": _time(message.arrived),
        "expires": _time(message.expires),
        "held_until": None if message.held_until is None else _time(message.held_until),
        "trace": message.trace_id,
        "recipients": [
            {
                "address": str(recipient.address),
                "state": recipient.state.value,
                "attempts": recipient.attempts,
                "next_attempt": _time(recipient.next_attempt),
                "last_reply": recipient.last_reply,
            }
            for recipient in message.recipients
        ],
    }


def entry_json(entry: PassportEntry) -> dict[str, Any]:
    """`trace, at, step, facts, dialogue`."""
    return {
        "trace": entry.trace_id,
        "at": _time(entry.at),
        "step": entry.step.value,
        "facts": dict(entry.facts),
        "dialogue": None if entry.dialogue is None else dialogue_json(entry.dialogue),
    }


def dialogue_json(dialogue: Dialogue) -> dict[str, Any]:
    """`protocol, client, server, started, tls, lines[speaker, text, at_seconds]`."""
    return {
        "protocol": dialogue.protocol,
        "client": dialogue.client,
        "server": dialogue.server,
        "started": _time(dialogue.started),
        "tls": dialogue.tls,
        "lines": [
            {"speaker": line.speaker.value, "text": line.text, "at_seconds": round(line.at_seconds, 6)}
            for line in dialogue.lines
        ],
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
