"""The three phases of an SMTP conversation, for people who read one: handshake, transfer, closure (RFC 5321 §3)."""

HANDSHAKE = "handshake"
TRANSFER = "transfer"
CLOSURE = "closure"
_BEGINS = {"MAIL": TRANSFER, "QUIT": CLOSURE}


def phase_after(phase: str, line: str) -> str:
    """Where a conversation is, that was in `phase`, with this line of the client's."""
    return _BEGINS.get(line[:4].upper(), phase)
