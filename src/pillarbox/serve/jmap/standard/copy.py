"""The frame of /copy (RFC 8620 §5.4): from one account to another.

Everybody here has one account and sees no other, so what is left of the frame are its refusals.
"""

from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method, Problem, Responses


class CopyArguments(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """RFC 8620 §5.4."""

    from_account_id: str
    create: dict[str, Json]
    if_from_in_state: str | None = None
    if_in_state: str | None = None
    on_success_destroy_original: bool = False
    destroy_from_if_in_state: str | None = None


async def copy(call: Call, arguments: CopyArguments) -> Responses:
    """Raises: Problem."""
    check_from_account(call, arguments.from_account_id)
    call.check_account(arguments.account_id)
    raise Problem("invalidArguments", "fromAccountId and accountId must differ")


def check_from_account(call: Call, text: str) -> None:
    """Raises: Problem: fromAccountNotFound."""
    try:
        call.check_account(text)
    except Problem:
        raise Problem("fromAccountNotFound") from None


def copy_method(name: str, capability: str) -> Method:
    """`Foo/copy`."""
    return Method(f"{name}/copy", capability, CopyArguments, copy)
