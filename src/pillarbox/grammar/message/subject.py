"""The base subject: what replies and forwards of one message have in common (RFC 5256 §2.1)."""

import re

from pillarbox.grammar.message.text import header_text

_TRAILER = re.compile(r"(?:\s|\(fwd\))+\Z", re.IGNORECASE)
_LEADER = re.compile(r"(?:\[[^\[\]]*\]\s*)*(?:re|fwd?)\s*(?:\[[^\[\]]*\]\s*)?:\s*", re.IGNORECASE)
_BLOB = re.compile(r"\[[^\[\]]*\]\s*")
_WRAPPED = re.compile(r"\[fwd:(.*)\]\Z", re.IGNORECASE | re.DOTALL)
TEXT_MOST = 1_000
"""A longer subject is looked at so far."""


def base_subject(value: bytes) -> str:
    """Of a raw field value: decoded, without `Re:`, `Fwd:`, `(fwd)`, list names in brackets; in lower case."""
    return read_subject(value)[0]


def read_subject(value: bytes) -> tuple[str, bool]:
    """The base subject, and whether the value is that of a reply or a forward: whether anything but list names was
    taken from it (RFC 5256 §3)."""
    text = " ".join(header_text(value[: TEXT_MOST * 4]).split())[:TEXT_MOST]
    is_reply = False
    while True:
        kept = _TRAILER.sub("", text).strip() if text.endswith((")", " ")) else text
        is_reply = is_reply or len(kept) < len(text.strip())
        text, has_leader = _without_leaders(kept)
        wrapped = _WRAPPED.match(text)
        is_reply = is_reply or has_leader or wrapped is not None
        if wrapped is None:
            return text.lower(), is_reply
        text = wrapped[1].strip()


def _without_leaders(text: str) -> tuple[str, bool]:
    """Drop leaders, and blobs as long as something is left; whether there was a leader."""
    has_leader = False
    while True:
        leader = _LEADER.match(text) or _BLOB.match(text)
        if leader is None or (leader.re is _BLOB and leader.end() == len(text)):
            return text, has_leader
        has_leader = has_leader or leader.re is _LEADER
        text = text[leader.end() :]
