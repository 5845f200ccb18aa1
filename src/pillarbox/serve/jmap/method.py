"""What a JMAP method is: a name, the shape of its arguments, and the function that answers (RFC 8620 §3.2).

Owns the contract between `dispatch`, which runs requests, and the modules of the data types, which each end with
`METHODS`. A handler raises `Problem` or any `MailError`; what it returns are plain JSON values.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec

from pillarbox.core.mail import Mail
from pillarbox.grammar.jmap import ids
from pillarbox.model.account import PASSWORD, Account, Credential
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.ids import AccountId

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"

Json: TypeAlias = dict[str, Any]
"""The arguments of a response: JSON values, which the encoder takes as they are."""
Responses: TypeAlias = Json | list[tuple[str, Json]]
"""One response under the method's own name, or several, each with its name (RFC 8620 §5.4, RFC 8621 §7.5)."""


UnsignedInt: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""RFC 8620 §1.3."""
PositiveInt: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Int: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)]

ANSWER_OCTETS = 64_000_000
"""Of what the methods of one request bring out of contents: more would not fit in memory many times."""


class Problem(Exception):
    """A method as a whole fails: the `error` response (RFC 8620 §3.6.2)."""

    def __init__(self, type: str, description: str = "", **extra: object) -> None:
        super().__init__(type, description)
        self.type = type
        self.description = description
        self.extra = extra

    def arguments(self) -> Json:
        """Of the `error` response."""
        said = {"description": self.description} if self.description else {}
        return {"type": self.type, **said, **self.extra}


class SetProblem(Exception):
    """One object cannot be created, updated or destroyed: a SetError (RFC 8620 §5.3)."""

    def __init__(
        self, type: str, description: str = "", *, properties: Sequence[str] | None = None, **extra: object
    ) -> None:
        super().__init__(type, description)
        self.type = type
        self.description = description
        self.properties = None if properties is None else tuple(properties)
        self.extra = extra

    def value(self) -> Json:
        """The SetError object."""
        said: Json = {"type": self.type}
        if self.description:
            said["description"] = self.description
        if self.properties is not None:
            said["properties"] = list(self.properties)
        return {**said, **self.extra}


class Call(msgspec.Struct):
    """What the methods of one request share.

    `created_ids` maps creation ids to ids; it is the whole request's, and methods add to it (RFC 8620 §3.3).
    `base_url` is what the client knows us by: scheme, host and port, no slash at the end. `credential` is what it has
    signed in with.
    """

    mail: Mail
    account: Account
    using: frozenset[str]
    created_ids: dict[str, str]
    base_url: str = ""
    room: int = ANSWER_OCTETS
    credential: Credential = PASSWORD

    def resolve(self, text: str) -> str:
        """The id that `#creationId` stands for (RFC 8620 §5.3); an id itself, and a reference to nothing, stay as they
        are: none of our ids begins with `#`."""
        return self.created_ids.get(text[1:], text) if text.startswith("#") else text

    def check_account(self, text: str) -> AccountId:
        """The account that an argument names. Raises: Problem: accountNotFound, also for those of others."""
        try:
            if ids.parse_account(text) == self.account.id:
                return self.account.id
        except SyntaxProblem:
            pass
        raise Problem("accountNotFound")

    def check_many(self, count: int) -> None:
        """maxObjectsInGet and maxObjectsInSet (RFC 8620 §2). Raises: Problem: requestTooLarge."""
        most = self.mail.limits.jmap_objects
        if count > most:
            raise Problem("requestTooLarge", f"at most {most} objects in one call")

    def spend(self, octets: int) -> None:
        """Note that an answer brings that much out of contents. Raises: Problem: requestTooLarge."""
        self.room -= octets
        if self.room < 0:
            raise Problem("requestTooLarge", "the answers would be too large; ask for fewer objects, or less of each")


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Base of all arguments: decoded strictly, so a wrong type or an unknown name is invalidArguments."""


class AccountArguments(Arguments, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Base of the arguments of all methods that act in an account (RFC 8620 §5)."""

    account_id: str


Handler: TypeAlias = Callable[[Call, Any], Awaitable[Responses]]


class Method(msgspec.Struct, frozen=True):
    """A row of the table. A client must name `capability` in `using`, or the method is unknown (RFC 8620 §3.3).

    `arguments` None: the handler takes them as they came.
    """

    name: str
    capability: str
    arguments: type[msgspec.Struct] | None
    handler: Handler
