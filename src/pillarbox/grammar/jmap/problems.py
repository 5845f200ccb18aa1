"""What is said when a request as a whole is refused: problem details (RFC 8620 §3.6.1, RFC 7807)."""

from enum import Enum

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.model.errors import SyntaxProblem

CONTENT_TYPE = "application/problem+json"


class ProblemKind(Enum):
    """The registered types; the value is the end of the URN."""

    UNKNOWN_CAPABILITY = "unknownCapability"
    NOT_JSON = "notJSON"
    NOT_REQUEST = "notRequest"
    LIMIT = "limit"

    @property
    def urn(self) -> str:
        """The type's name on the wire."""
        return f"urn:ietf:params:jmap:error:{self.value}"


class RequestProblem(SyntaxProblem):
    """The request cannot be run at all; `limit` names the one that was met, and is empty for the other kinds."""

    def __init__(self, kind: ProblemKind, detail: str, *, limit: str = "") -> None:
        super().__init__("a request that can be run")
        self.text = detail
        self.kind = kind
        self.detail = detail
        self.limit = limit

    def details(self, status: int = 400) -> JsonObject:
        """The body of the HTTP error response."""
        found: JsonObject = {"type": self.kind.urn, "status": status, "detail": self.detail}
        return {**found, "limit": self.limit} if self.limit else found
