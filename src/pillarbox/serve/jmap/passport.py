"""Passport/get: the way of a message, as far as it is its owner's (docs/manual/jmap-own.md). Our own method.

It is asked for by what one has: an Email, an EmailSubmission, a QueuedMessage, or a Message-ID, which is no Id of JMAP.
There is no state: a passport is written on while mail is under way, and the types that it is about tell of that.
"""

from pillarbox.core.passport.own_passports import Journeys
from pillarbox.grammar.jmap.dates import format_utc
from pillarbox.grammar.jmap.ids import parse_email, parse_queued, parse_submission
from pillarbox.grammar.smtp.phases import HANDSHAKE, phase_after
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.passport import Dialogue, PassportEntry, Speaker
from pillarbox.model.submission import SubmissionId
from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method, Problem
from pillarbox.serve.jmap.own import OWN
from pillarbox.serve.jmap.standard.get import checked_ids

MOST = 100
"""In one call: each may have hundreds of lines."""
IDENTIFIER_LETTERS = 1_000
LINE_OCTETS = 60
"""What a line takes beside its text."""
SPEAKERS = {Speaker.CLIENT: "client", Speaker.SERVER: "server", Speaker.EVENT: "event"}
FACTS = {"held_until": "heldUntil", "octets": "size", "report_on": "reportOn"}
"""Facts whose names are others here."""


class PassportGet(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """`dialogues` False leaves them out."""

    ids: list[str]
    dialogues: bool = True


async def get(call: Call, arguments: PassportGet) -> Json:
    """The method."""
    call.check_account(arguments.account_id)
    ids = checked_ids(call, arguments.ids) or []
    if len(ids) > MOST:
        raise Problem("requestTooLarge", f"at most {MOST} passports in one call")
    found: dict[str, Json] = {}
    for id in ids:
        journeys = await _find(call, id)
        if journeys is not None:
            found[id] = _object(call, id, journeys, dialogues=arguments.dialogues)
    return {
        "accountId": arguments.account_id,
        "list": list(found.values()),
        "notFound": [id for id in ids if id not in found],
    }


async def _find(call: Call, id: str) -> Journeys | None:
    """Of the account's own things only. None: there is nothing of this name."""
    passports, account = call.mail.own_passports, call.account
    if "@" in id or id.startswith("<"):
        return await passports.named(account, id) if len(id) <= IDENTIFIER_LETTERS and "\0" not in id else None
    id = call.resolve(id)
    try:
        match id[:1]:
            case "e":
                return await passports.of_message(account, parse_email(id))
            case "s":
                return await passports.of_submission(account, SubmissionId(parse_submission(id)))
            case "q":
                return await passports.of_queued(account, parse_queued(id))
    except SyntaxProblem:
        pass
    return None


def _object(call: Call, id: str, journeys: Journeys, *, dialogues: bool) -> Json:
    return {
        "id": id,
        "entries": [_entry(call, entry, dialogues=dialogues) for entry in journeys.entries],
        "isCut": journeys.is_cut,
    }


def _entry(call: Call, entry: PassportEntry, *, dialogues: bool) -> Json:
    facts = {FACTS.get(name, name): text for name, text in entry.facts.items()}
    call.spend(sum(map(len, facts.values())) + LINE_OCTETS)
    value: Json = {"traceId": entry.trace_id, "step": entry.step.value, "at": format_utc(entry.at), "facts": facts}
    if dialogues:
        value["dialogue"] = None if entry.dialogue is None else _dialogue(call, entry.dialogue)
    return value


def _dialogue(call: Call, dialogue: Dialogue) -> Json:
    call.spend(sum(len(line.text) + LINE_OCTETS for line in dialogue.lines))
    phase = HANDSHAKE if "SMTP" in dialogue.protocol.upper() else None
    lines = []
    for line in dialogue.lines:
        if phase is not None and line.speaker is Speaker.CLIENT:
            phase = phase_after(phase, line.text)
        lines.append(
            {
                "speaker": SPEAKERS[line.speaker],
                "text": line.text,
                "phase": phase,
                "atSeconds": round(line.at_seconds, 6),
            }
        )
    return {
        "protocol": dialogue.protocol,
        "client": dialogue.client,
        "server": dialogue.server,
        "startedAt": format_utc(dialogue.started),
        "tls": dialogue.tls or None,
        "lines": lines,
    }


METHODS = (Method("Passport/get", OWN, PassportGet, get),)
