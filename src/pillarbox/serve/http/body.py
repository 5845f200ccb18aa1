"""The body of a request as a whole, for routes that take small ones."""

from starlette.requests import Request

from pillarbox.model.errors import TooLarge


async def read_body(request: Request, limit_octets: int) -> bytes:
    """All of it. Raises: TooLarge, with the first octet that is too much."""
    pieces = []
    octets = 0
    async for piece in request.stream():
        octets += len(piece)
        if octets > limit_octets:
            raise TooLarge(f"the request exceeds {limit_octets} octets")
        pieces.append(piece)
    return b"".join(pieces)
