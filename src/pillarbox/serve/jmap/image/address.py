"""The address of a picture: what of it is signed, and where in the path it stands; both ways.

    /jmap/image/a1/1764057600/<43 characters of signature>/<the URL>

Signature and URL are base64url without padding (RFC 4648 §5), so nothing on the way takes a part of the URL for its own.
"""

import base64
import binascii
import re

from pillarbox.core.contents.remote_images import SignedImage
from pillarbox.grammar.jmap.ids import format_account, parse_account
from pillarbox.model.errors import SyntaxProblem

PATH = "/jmap/image/{account}/{expires}/{signature}/{target}"
_TEXT = re.compile(r"[A-Za-z0-9_-]{0,4096}")
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")


def format_path(image: SignedImage) -> str:
    """What comes behind scheme, host and port."""
    return PATH.format(
        account=format_account(image.account_id),
        expires=image.expires,
        signature=_encode(image.signature),
        target=_encode(image.url.encode("ascii")),
    )


def parse_path(account: str, expires: str, signature: str, target: str) -> SignedImage:
    """The pieces of a path; whether the signature is right is for others to say. Raises: SyntaxProblem."""
    if not _NUMBER.fullmatch(expires):
        raise SyntaxProblem("a time")
    try:
        url = _decode(target).decode("ascii")
    except UnicodeDecodeError:
        raise SyntaxProblem("a URL") from None
    return SignedImage(parse_account(account), int(expires), url, _decode(signature))


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    if not _TEXT.fullmatch(text):
        raise SyntaxProblem("base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise SyntaxProblem("base64url") from None
