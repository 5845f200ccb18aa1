"""What of a passport its owner may see: less than the operator does.

An account's half of a journey names others in three places, and there it is cut:

* where one of our aliases leads is nobody's business but its owner's: whoever wrote to it sees the address that they
  wrote, no dialogue in which the other one is named, and not which host it led to;
* a stranger who sends may have tried other recipients in vain: their addresses are struck out of the dialogue;
* somebody else here who sends has an address on the network and a name to sign in with: neither is told to whom they
  write.

Facts go by a list: what a step may show stands there, and what stands nowhere is not shown. Nothing here waits.
"""

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from pillarbox.model.address import Address
from pillarbox.model.passport import Dialogue, DialogueLine, PassportEntry, Speaker, Step

STRUCK_OUT = "…"
SHOWN: dict[Step, tuple[str, ...]] = {
    Step.ACCEPTED: ("from", "to", "peer", "helo", "protocol", "tls", "account", "octets", "report_on"),
    Step.DELIVERED: ("recipient", "mailbox", "uid"),
    Step.QUEUED: ("recipients", "held_until"),
    Step.ATTEMPTED: ("recipient", "result", "status", "remote", "reply"),
    Step.BOUNCED: ("to", "recipients", "report"),
    Step.ANSWERED: ("to", "answer"),
    Step.CANCELLED: ("recipients",),
    Step.APPENDED: ("mailbox", "uid", "size"),
    Step.MOVED: ("mailbox", "uid"),
    Step.REMOVED: ("mailbox", "uid"),
}
OF_A_SENDER = ("peer", "helo", "tls", "account")
"""What says where somebody here has signed in, and as whom."""
RECIPIENTS = ("recipient", "recipients")
_IN_BRACKETS = re.compile(r"<([^<>]+@[^<>]+)>")


class Behind:
    """Addresses that aliases of ours lead to, each with the one that was written, for one journey."""

    def __init__(self, entries: Iterable[PassportEntry]) -> None:
        self._written: dict[str, str] = {}
        for entry in entries:
            if "named" in entry.facts:
                self._learn(_split(entry.facts["recipients"]), _split(entry.facts["named"]))
        self._pattern = _any_of(self._written)

    def _learn(self, finals: Sequence[str], written: Sequence[str]) -> None:
        """They stand in the same order. Where commas in an address make that doubtful, all of them are behind all."""
        if len(finals) != len(written):
            written = [", ".join(written)] * len(finals)
        pairs = zip(finals, written, strict=True)
        self._written.update((final.casefold(), name) for final, name in pairs if final != name and "@" in final)

    def names(self, text: str) -> bool:
        """Whether one of them stands in a text."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def strike(self, text: str) -> str:
        """The text without them."""
        return text if self._pattern is None else self._pattern.sub(STRUCK_OUT, text)

    def written(self, recipients: str) -> str:
        """A list of recipients as the sender has written them, each once."""
        known = [self._written.get(one.casefold()) or self.strike(one) for one in _split(recipients)]
        return ", ".join(dict.fromkeys(known))


def shown(entries: Sequence[PassportEntry], owner: Address) -> list[PassportEntry]:
    """What the owner of these entries, which are one account's half of one journey, may see of each."""
    behind = Behind(entries)
    return [_entry(entry, owner, behind) for entry in entries]


def strike_behind(address: Address, written: Address | None, text: str) -> str:
    """What another host said of an address, for who has written to another that led there."""
    pattern = None if written is None else _any_of([str(address).casefold()])
    return text if pattern is None else pattern.sub(STRUCK_OUT, text)


def _entry(entry: PassportEntry, owner: Address, behind: Behind) -> PassportEntry:
    facts = {name: entry.facts[name] for name in SHOWN.get(entry.step, ()) if entry.facts.get(name)}
    dialogue = entry.dialogue
    if entry.step is Step.ACCEPTED and facts.get("account") != str(owner):
        if "account" in facts:
            facts = {name: text for name, text in facts.items() if name not in OF_A_SENDER}
            dialogue = None
        elif dialogue is not None:
            dialogue = _without_others(dialogue, (*_split(facts.get("to", "")), facts.get("from", "")))
    if entry.step is Step.ATTEMPTED and behind.names(facts.get("recipient", "")):
        facts.pop("remote", None)
    if dialogue is not None and any(behind.names(line.text) for line in dialogue.lines):
        dialogue = None
    facts = {name: behind.written(text) if name in RECIPIENTS else behind.strike(text) for name, text in facts.items()}
    return replace(entry, facts=facts, dialogue=dialogue)


def _without_others(dialogue: Dialogue, known: Iterable[str]) -> Dialogue:
    """The dialogue without the addresses that its client has named beside these."""
    visible = {address.casefold() for address in known}
    others = {
        address.casefold()
        for line in dialogue.lines
        if line.speaker is Speaker.CLIENT
        for address in _IN_BRACKETS.findall(line.text)
        if address.casefold() not in visible
    }
    pattern = _any_of(others)
    return dialogue if pattern is None else replace(dialogue, lines=tuple(_struck(dialogue.lines, pattern)))


def _struck(lines: Iterable[DialogueLine], pattern: re.Pattern[str]) -> Iterable[DialogueLine]:
    return (replace(line, text=pattern.sub(STRUCK_OUT, line.text)) for line in lines)


def _any_of(addresses: Iterable[str]) -> re.Pattern[str] | None:
    """The longest first, so that none is left in part."""
    found = sorted(addresses, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, found)), re.IGNORECASE) if found else None


def _split(text: str) -> list[str]:
    return [one for one in text.split(", ") if one]
