"""The Session object: what this server can do, for whom, and where (RFC 8620 §2).

A capability is a row of `CAPABILITIES`: what the server says of it, and what it says of it for an account.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache

import msgspec

from pillarbox.grammar.jmap import comparator, comparators, ids, ijson
from pillarbox.grammar.push.encryption import encode_base64url, private_key, public_octets
from pillarbox.model.account import Account
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.addressbook.objects import CONTACTS, contacts_capability
from pillarbox.serve.jmap.blob import BLOB, account_capability
from pillarbox.serve.jmap.mdn.capability import MDN
from pillarbox.serve.jmap.method import CORE, MAIL, SUBMISSION, Json
from pillarbox.serve.jmap.own import OWN, server_capability
from pillarbox.serve.jmap.own import account_capability as own_capability
from pillarbox.serve.jmap.quota import QUOTA
from pillarbox.serve.jmap.vacation import VACATION

WEBSOCKET = "urn:ietf:params:jmap:websocket"
VAPID = "urn:ietf:params:jmap:webpush-vapid"
STATE_DIGITS = 16


def _core(limits: Limits) -> Json:
    return {
        "maxSizeUpload": limits.jmap_upload_octets,
        "maxConcurrentUpload": limits.jmap_concurrent_uploads,
        "maxSizeRequest": limits.jmap_request_octets,
        "maxConcurrentRequests": limits.jmap_concurrent_requests,
        "maxCallsInRequest": limits.jmap_calls,
        "maxObjectsInGet": limits.jmap_objects,
        "maxObjectsInSet": limits.jmap_objects,
        "collationAlgorithms": list(comparator.COLLATIONS),
    }


def _mail(limits: Limits) -> Json:
    """RFC 8621 §1.3.1."""
    return {
        "maxMailboxesPerEmail": limits.mailboxes_per_message,
        "maxMailboxDepth": limits.mailbox_depth,
        "maxSizeMailboxName": limits.mailbox_name_octets - 1,
        # What fits in a message once it is base64 with its line ends.
        "maxSizeAttachmentsPerEmail": limits.message_octets * 72 // 100,
        "emailQuerySortOptions": list(comparators.SORT_KEYS),
        "mayCreateTopLevelMailbox": True,
    }


def _submission(limits: Limits) -> Json:
    """RFC 8621 §1.3.2. What FUTURERELEASE says in SMTP changes with the time of day; its bound is `maxDelayedSend`."""
    return {
        "maxDelayedSend": limits.hold_seconds,
        "submissionExtensions": {
            "SIZE": [str(limits.message_octets)],
            "8BITMIME": [],
            "SMTPUTF8": [],
            "ENHANCEDSTATUSCODES": [],
            "FUTURERELEASE": [],
        },
    }


def _nothing(_: Limits) -> Json:
    return {}


class Capability(msgspec.Struct, frozen=True):
    """What is said of it in `capabilities`, and in `accountCapabilities` where accounts have something of it."""

    server: Callable[[Limits], Json] = _nothing
    account: Callable[[Limits], Json] | None = _nothing


CAPABILITIES: dict[str, Capability] = {
    CORE: Capability(server=_core, account=None),
    MAIL: Capability(account=_mail),
    SUBMISSION: Capability(account=_submission),
    BLOB: Capability(account=account_capability),
    QUOTA: Capability(),
    VACATION: Capability(),
    WEBSOCKET: Capability(account=None),
    VAPID: Capability(account=None),
    MDN: Capability(),
    CONTACTS: Capability(account=contacts_capability),
    OWN: Capability(),
}


def session_of(
    limits: Limits, account: Account, base_url: str, push_seed: bytes = b"", has_images: bool = True
) -> Json:
    """The object; all URLs are absolute, below `base_url`. `push_seed` is whom push services know us by, `has_images`
    whether pictures from elsewhere are fetched here."""
    state = state_of(limits, account, base_url, push_seed, has_images)
    return {**_session(limits, account, base_url, push_seed, has_images), "state": state}


def _session(limits: Limits, account: Account, base_url: str, push_seed: bytes, has_images: bool) -> Json:
    name, account_id = str(account.address), ids.format_account(account.id)
    of_account = {urn: row.account(limits) for urn, row in CAPABILITIES.items() if row.account is not None}
    of_account[OWN] = own_capability(has_images=has_images)
    base = f"{base_url}/jmap"
    return {
        "capabilities": {
            **{urn: row.server(limits) for urn, row in CAPABILITIES.items()},
            WEBSOCKET: {"url": f"{base.replace('http', 'ws', 1)}/ws", "supportsPush": True},  # RFC 8887 §3
            VAPID: {"applicationServerKey": _push_key(push_seed)} if push_seed else {},  # RFC 9749 §3
            OWN: server_capability(base_url),
        },
        "accounts": {
            account_id: {"name": name, "isPersonal": True, "isReadOnly": False, "accountCapabilities": of_account}
        },
        "primaryAccounts": dict.fromkeys(of_account, account_id),
        "username": name,
        "apiUrl": f"{base}/api",
        "downloadUrl": f"{base}/download/{{accountId}}/{{blobId}}/{{name}}?type={{type}}",
        "uploadUrl": f"{base}/upload/{{accountId}}",
        "eventSourceUrl": f"{base}/eventsource?types={{types}}&closeafter={{closeafter}}&ping={{ping}}",
    }


def state_of(limits: Limits, account: Account, base_url: str, push_seed: bytes = b"", has_images: bool = True) -> str:
    """Changes whenever anything else in the object does."""
    return _state(limits, msgspec.structs.replace(account, used_octets=0), base_url, push_seed, has_images)


@lru_cache(maxsize=1024)
def _state(limits: Limits, account: Account, base_url: str, push_seed: bytes, has_images: bool) -> str:
    found = _session(limits, account, base_url, push_seed, has_images)
    return hashlib.sha256(ijson.encode(found)).hexdigest()[:STATE_DIGITS]


@lru_cache(maxsize=8)
def _push_key(seed: bytes) -> str:
    return encode_base64url(public_octets(private_key(seed)))
