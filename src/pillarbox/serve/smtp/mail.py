"""MAIL and RCPT: the envelope (RFC 5321 §3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.core.flow.intake import RecipientVerdict
from pillarbox.grammar.smtp.commands import Command, Mail, Rcpt
from pillarbox.grammar.smtp.parameters import RcptParameters
from pillarbox.grammar.smtp.replies import Reply
from pillarbox.grammar.smtp.states import State
from pillarbox.model.address import Address
from pillarbox.model.envelope import BodyType, Recipient
from pillarbox.serve.smtp import replies
from pillarbox.serve.smtp.inquiry import default_domain
from pillarbox.serve.smtp.transaction import Transaction

if TYPE_CHECKING:
    from pillarbox.serve.smtp.session import SmtpSession


async def mail(session: SmtpSession, command: Command) -> Reply:
    """RFC 5321 §4.1.1.2."""
    assert isinstance(command, Mail)
    if session.profile.requires_sign_in and session.account is None:
        return replies.SIGN_IN_FIRST
    parameters = command.parameters
    if parameters.body_type is BodyType.BINARY_MIME:
        return replies.make(504, "5.5.4", "BODY=BINARYMIME needs CHUNKING, which is not offered")
    if parameters.hold is not None and session.account is None:
        return replies.HOLD_NOT_HERE
    if parameters.ret is not None or parameters.envid is not None:
        return replies.NO_DSN
    path = command.reverse_path
    if path is not None and not path.is_ascii and not parameters.smtputf8:
        return replies.make(550, "5.6.7", "A non-ASCII address needs the parameter SMTPUTF8")
    facts = session.client_facts(smtputf8=parameters.smtputf8)
    await session.mail.intake.check_sender(
        facts, path, declared_size_octets=parameters.size_octets, smtputf8=parameters.smtputf8
    )
    hold = session.mail.intake.hold(parameters.hold)
    session.transaction = Transaction(path, parameters, len(session.transcript) - 1, hold)
    session.state = State.MAIL
    return replies.SENDER_OK


async def rcpt(session: SmtpSession, command: Command) -> Reply:
    """RFC 5321 §4.1.1.3. Too many: 452, and those already accepted stand (RFC 5321 §4.5.3.1.10)."""
    assert isinstance(command, Rcpt)
    transaction = session.transaction
    assert transaction is not None
    if len(transaction.recipients) >= session.mail.limits.smtp_recipients:
        return replies.TOO_MANY_RECIPIENTS
    if command.parameters != RcptParameters():
        return replies.NO_DSN
    address = command.forward_path
    if not address.domain:
        address = Address(address.local, await default_domain(session))
    if not address.is_ascii and not transaction.parameters.smtputf8:
        return replies.make(553, "5.6.7", "A non-ASCII address needs the parameter SMTPUTF8 in MAIL")
    verdict = await session.mail.intake.check_recipient(
        session.client_facts(), address, declared_size_octets=transaction.parameters.size_octets
    )
    transaction.recipients.append(Recipient(address))
    session.state = State.RCPT
    return replies.WILL_FORWARD if verdict is RecipientVerdict.FORWARD_REMOTE else replies.RECIPIENT_OK
