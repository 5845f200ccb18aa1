"""Upload and download (RFC 8620 §6.1, §6.2): octets as they are, streamed both ways in bounded memory.

A download never opens in a browser as something of ours: it is an attachment, its type is not guessed, and the policy
that all answers have lets it do nothing. Nor is it a script or style of a page of ours, which may take those that lie on
its origin: mail lies there too, and its type is what the URL says.

Standards: RFC 9110 §8.8.3, §13, §14; RFC 6266, RFC 8187 (file names); RFC 8246 (immutable); Fetch Metadata Request Headers.
"""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from pillarbox.core.contents.uploads import Upload
from pillarbox.core.mail import Mail
from pillarbox.grammar.jmap import ids
from pillarbox.grammar.jmap.ids import UploadBlob
from pillarbox.grammar.jmap.problems import ProblemKind, RequestProblem
from pillarbox.model.account import Account
from pillarbox.model.errors import NotAllowed, NotFound, SyntaxProblem, TooLarge
from pillarbox.serve.jmap.blobs import Blob, open_blob
from pillarbox.serve.jmap.dispatch import InUse
from pillarbox.serve.jmap.ranges import Window, window_of

UNKNOWN_TYPE = "application/octet-stream"
FOR_EVER = "private, immutable, max-age=31536000"
SHOWN_OR_KEPT = frozenset(("empty", "document", "image", "audio", "video", "track"))
"""What a browser may want a download for (`Sec-Fetch-Dest`); programs do not say."""
_TYPE = re.compile(r"[!#$&'*+.^_`|~0-9A-Za-z-]+/[!#$&'*+.^_`|~0-9A-Za-z-]+(?: *;[ -~]*)?")
_UNQUOTABLE = re.compile(r"[^ !#-\[\]-~]")


def media_type(text: str | None) -> str:
    """The type as given, if it is one (RFC 9110 §8.3.1)."""
    return text if text is not None and len(text) <= 255 and _TYPE.fullmatch(text) else UNKNOWN_TYPE


def disposition(name: str) -> str:
    """An attachment of this name, in ASCII for the old, and as it is (RFC 6266 §4.3, RFC 8187 §3.2)."""
    plain = _UNQUOTABLE.sub("_", name)
    if not name:
        return "attachment"
    exact = quote(name.encode("utf-8", "replace"), safe="!#$&+-.^_`|~")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"


def check_account(account: Account, text: str) -> None:
    """Raises: NotFound for every account but one's own."""
    try:
        if ids.parse_account(text) == account.id:
            return
    except SyntaxProblem:
        pass
    raise NotFound("no such account")


class Uploading:
    """Takes uploads, so many at once of each account."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._running = InUse("maxConcurrentUpload", mail.limits.jmap_concurrent_uploads)

    async def upload(self, request: Request, account: Account) -> Response:
        """RFC 8620 §6.1. Raises: RequestProblem, NotFound, OverQuota and what the store raises."""
        account_id = request.path_params["accountId"]
        check_account(account, account_id)
        with self._running.one_more(account.id):
            kept = await self._keep(request, account)
        blob_id = ids.format_blob(UploadBlob(kept.blob))
        kind = media_type(request.headers.get("content-type"))
        answer = {"accountId": account_id, "blobId": blob_id, "type": kind, "size": kept.size_octets}
        return JSONResponse(answer, 201)

    async def _keep(self, request: Request, account: Account) -> Upload:
        most = self._mail.limits.jmap_upload_octets
        too_large = RequestProblem(ProblemKind.LIMIT, f"more than {most} octets", limit="maxSizeUpload")
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said) > most:
            raise too_large
        spool = self._mail.uploads.begin()
        try:
            async for piece in request.stream():
                if not spool.write(piece):
                    await spool.drain()
            with await spool.finish() as content:
                return await self._mail.uploads.keep(account.id, content)
        except TooLarge:
            raise too_large from None
        finally:
            spool.abort()


async def download(mail: Mail, request: Request, account: Account) -> Response:
    """RFC 8620 §6.2. Raises: NotFound, NotAllowed."""
    if request.headers.get("sec-fetch-dest", "empty") not in SHOWN_OR_KEPT:
        raise NotAllowed("files are shown or kept; none is part of a page")
    check_account(account, request.path_params["accountId"])
    blob_id: str = request.path_params["blobId"]
    blob = await open_blob(mail, account.id, blob_id)
    headers = {
        "ETag": f'"{blob_id}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": FOR_EVER,
        "Content-Disposition": disposition(request.path_params["name"]),
        "Vary": "Sec-Fetch-Dest",  # what a page has fetched is in its cache, and must not be a script from there
    }
    if _is_known(request, headers["ETag"]):
        blob.close()
        return Response(status_code=304, headers=headers)
    size = blob.size_octets
    window = window_of(_range_field(request, headers["ETag"]), size)
    if window is None:
        blob.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Length"] = str(window.end - window.start)
    headers["Content-Type"] = media_type(request.query_params.get("type"))
    if window.is_part:
        headers["Content-Range"] = f"bytes {window.start}-{window.end - 1}/{size}"
    status = 206 if window.is_part else 200
    if request.method == "HEAD":
        blob.close()
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_stream(blob, window), status, headers)


def _is_known(request: Request, etag: str) -> bool:
    """Whether the client has it already (RFC 9110 §13.1.2)."""
    known = [text.strip().removeprefix("W/") for text in request.headers.get("if-none-match", "").split(",")]
    return "*" in known or etag in known


def _range_field(request: Request, etag: str) -> str | None:
    """The range asked for, unless it is one of something else (RFC 9110 §13.1.5)."""
    condition = request.headers.get("if-range")
    return request.headers.get("range") if condition in (None, etag) else None


async def _stream(blob: Blob, window: Window) -> AsyncIterator[bytes]:
    try:
        async for piece in blob.pieces(window.start, window.end):
            yield piece
    finally:
        blob.close()
