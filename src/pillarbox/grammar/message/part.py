"""A message's structure as a value: a tree of parts, each with its place in the content; small enough to be stored.

The tree is what IMAP numbers (RFC 9051 §6.4.5.1): a `message/rfc822` part holds the message inside as `inner`.
"""

import msgspec

from pillarbox.grammar.message.parameters import Parameters


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One MIME entity. Offsets are octets from the content's start: header from `start` to `body`, body to `end`.

    `type` and `subtype` are as written; `encoding` as written or empty. `lines` counts line ends of the body. The raw
    values of the other fields are unfolded, None when the field is missing. `envelope` is there for messages, not for
    parts: (date, subject, from, sender, reply-to, to, cc, bcc, in-reply-to, message-id), raw. `is_repeated`: an address
    field stands there more than once, and the envelope has all its values with commas between. `references` is raw too,
    and empty when the field is missing; None: not known, since older versions did not keep it.
    """

    start: int
    body: int
    end: int
    lines: int
    type: bytes
    subtype: bytes
    parameters: Parameters
    encoding: bytes = b""
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    disposition: bytes | None = None
    disposition_parameters: Parameters = ()
    language: bytes | None = None
    location: bytes | None = None
    envelope: tuple[bytes | None, ...] = ()
    children: tuple["Part", ...] = ()
    inner: "Part | None" = None
    is_repeated: bool = False
    references: bytes | None = None

    @property
    def is_multipart(self) -> bool:
        """Whether it consists of other parts."""
        return self.type.lower() == b"multipart"

    @property
    def is_text(self) -> bool:
        """Whether its body is text."""
        return self.type.lower() == b"text"

    @property
    def size_octets(self) -> int:
        """Of the body."""
        return self.end - self.body


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Part)


def pack(part: Part) -> bytes:
    """The tree as octets, to be stored."""
    return _encoder.encode(part)


def unpack(octets: bytes) -> Part:
    """The tree that `pack` made."""
    return _decoder.decode(octets)


def section(root: Part, numbers: tuple[int, ...]) -> Part | None:
    """The part with these numbers, or None (RFC 9051 §6.4.5.1). A message that is no multipart has part 1: itself.

    For () the answer is the message itself.
    """
    here = root
    is_message = True
    for number in numbers:
        if here.inner is not None and not is_message:
            here, is_message = here.inner, True
        if here.is_multipart and here.children:
            if not 1 <= number <= len(here.children):
                return None
            here, is_message = here.children[number - 1], False
        elif is_message and number == 1:
            is_message = False
        else:
            return None
    return here
