"""What both methods of MDN ask before anything else (RFC 9007 §1.3, §2.1, §2.2)."""

from pillarbox.model.ids import AccountId
from pillarbox.serve.jmap.method import Call, Problem

MDN = "urn:ietf:params:jmap:mdn"


def check_account(call: Call, text: str) -> AccountId:
    """Raises: Problem: invalidArguments, which this standard says where others say accountNotFound."""
    try:
        return call.check_account(text)
    except Problem:
        raise Problem("invalidArguments", "no such account") from None
