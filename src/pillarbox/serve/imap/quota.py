"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1).

All mailboxes of an account share one quota root, whose name is empty. An account without a limit has none: then no
mailbox has a quota root. Limits are set by the operator alone, so QUOTASET is not announced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.grammar.imap.commands.quota import GetQuota, GetQuotaRoot, SetQuota
from pillarbox.grammar.imap.responses import quota as responses
from pillarbox.grammar.imap.responses.quota import Quota
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.model.errors import NotAllowed, NotFound

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession

ROOT = b""


async def get_quota(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 9208 §4.1.1."""
    assert isinstance(command, GetQuota)
    quota = await session.mail.quotas.get(session.owner.id)
    if command.root != ROOT or not quota.limit_octets:
        raise NotFound("no such quota root")
    session.send(_line(quota.used_octets, quota.limit_octets))
    return Status(tag, "OK", "GETQUOTA completed")


async def get_quota_root(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 9208 §4.1.2: the mailbox need not exist."""
    assert isinstance(command, GetQuotaRoot)
    quota = await session.mail.quotas.get(session.owner.id)
    session.send(responses.format_quota_roots(command.path, (ROOT,) if quota.limit_octets else ()))
    if quota.limit_octets:
        session.send(_line(quota.used_octets, quota.limit_octets))
    return Status(tag, "OK", "GETQUOTAROOT completed")


async def set_quota(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 9208 §4.1.3: not for the owner of the mail."""
    assert isinstance(command, SetQuota)
    raise NotAllowed("quotas are set by the operator")


def _line(used_octets: int, limit_octets: int) -> bytes:
    return responses.format_quota(Quota(ROOT, (responses.storage(used_octets, limit_octets),)))
