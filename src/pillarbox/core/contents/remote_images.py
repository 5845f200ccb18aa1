"""Pictures from elsewhere, fetched here in place of the reader: whoever has put them into a message does not learn where
it is read, nor by which program.

A reader is given an address of ours for each: what stands in it is signed, so this server fetches nothing that one of its
accounts has not asked for, and for a day at most. It opens nothing else, so it needs no other sign of who asks. What is
fetched goes by `HttpFetch`, with each redirection looked at anew, and is handed on only if its octets are those of a
picture. Nothing is kept.
"""

import asyncio
import contextlib
import hmac
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import msgspec
import structlog

from pillarbox.grammar.message.picture import TYPES, picture_type, picture_url
from pillarbox.model.errors import Invalid, NotFound, OverLimit, RateLimited, Refused, SyntaxProblem, Unavailable
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, HttpAnswer, HttpFetch, Random
from pillarbox.model.url import HttpsUrl, parse_https
from pillarbox.store import settings as setting_rows
from pillarbox.store.base import Database

KEY_SETTING = "image_key"
KEY_OCTETS = 32
LASTS = timedelta(days=1)
STEP_SECONDS = 3_600
"""Addresses end with an hour, so that one that is asked for twice is the same, and a browser need not fetch it twice."""
REDIRECTIONS = 3
REDIRECTED = (301, 302, 303, 307, 308)
WAITING = 64
"""Requests of one account that wait for their turn."""

log = structlog.get_logger("images")


class ImageSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[images]`. Without `proxy` there are no addresses, and nothing is fetched."""

    proxy: bool = True
    allowed_hosts: list[str] = []


class SignedImage(msgspec.Struct, frozen=True):
    """What stands in an address of ours. `expires` is seconds since 1970."""

    account_id: AccountId
    expires: int
    url: str
    signature: bytes


class Image(msgspec.Struct, frozen=True):
    """A picture: its type by its octets."""

    type: str
    octets: bytes


class RemoteImages:
    """The pictures of all accounts."""

    def __init__(self, db: Database, *, limits: Limits, clock: Clock, random: Random, is_on: bool) -> None:
        self._db = db
        self._limits = limits
        self._clock = clock
        self._random = random
        self.is_on = is_on
        self._key = b""
        self._places = _Places(limits)

    async def start(self) -> None:
        """Read the key, or make it at the first start of all."""
        async with self._db.read(SYSTEM_ACCOUNT) as tx:
            kept = await setting_rows.find_setting(tx, KEY_SETTING)
        if kept is None:
            async with self._db.write(SYSTEM_ACCOUNT) as tx:
                kept = await setting_rows.keep_setting(tx, KEY_SETTING, self._random.octets(KEY_OCTETS).hex())
        self._key = bytes.fromhex(kept)

    def sign(self, account_id: AccountId, text: str) -> SignedImage:
        """An address for a picture, for an account. Raises: SyntaxProblem: this is no URL to fetch."""
        url = str(picture_url(text))
        ends = int((self._clock.now() + LASTS).timestamp())
        expires = ends - ends % STEP_SECONDS
        return SignedImage(account_id, expires, url, self._signature(account_id, expires, url))

    def check(self, image: SignedImage) -> HttpsUrl:
        """What is to be fetched. Raises: NotFound, for what was not signed here, and for what is over."""
        right = self._signature(image.account_id, image.expires, image.url)
        if not self.is_on or not hmac.compare_digest(right, image.signature):
            raise NotFound("no such picture")
        if self._clock.now() >= datetime.fromtimestamp(image.expires, UTC):
            raise NotFound("this address of the picture is over; ask for another")
        try:
            return parse_https(image.url)
        except Invalid:
            raise NotFound("no such picture") from None

    def _signature(self, account_id: AccountId, expires: int, url: str) -> bytes:
        return hmac.digest(self._key, f"{account_id} {expires} {url}".encode(), "sha256")

    async def fetch(self, account_id: AccountId, url: HttpsUrl, fetch: HttpFetch) -> Image:
        """The picture. Raises: NotFound, RateLimited (too many of this account's are being fetched)."""
        async with self._places.one_more(account_id):
            try:
                async with asyncio.timeout(self._limits.image_seconds):
                    return _image(await self._follow(url, fetch))
            except TimeoutError:
                problem = "it took too long"
            except (Refused, OverLimit, Unavailable, SyntaxProblem) as error:
                problem = error.text
        log.debug("image.missing", account=account_id, status=problem)
        # Why is for the log: it would tell who asks which names our name server knows, and which ports answer.
        raise NotFound("the picture cannot be had")

    async def _follow(self, url: HttpsUrl, fetch: HttpFetch) -> HttpAnswer:
        for _ in range(REDIRECTIONS + 1):
            answer = await fetch.get(
                url,
                headers={"Accept": ",".join(TYPES)},
                most_octets=self._limits.image_octets,
                seconds=self._limits.image_seconds,
            )
            if answer.status not in REDIRECTED:
                return answer
            url = picture_url(_location(url, answer))
        raise Refused("it leads from one place to the next")


def _location(url: HttpsUrl, answer: HttpAnswer) -> str:
    """Where a redirection leads. Raises: Refused."""
    try:
        return urljoin(str(url), answer.headers.get("location", ""))
    except ValueError:
        raise Refused("it leads nowhere") from None


def _image(answer: HttpAnswer) -> Image:
    """Raises: Refused."""
    if answer.status != 200:
        raise Refused(f"the answer was {answer.status}")
    kind = picture_type(answer.body)
    if kind is None:
        raise Refused("this is no picture")
    return Image(kind, answer.body)


class _Places:
    """Who may fetch at the same time: so many of each account, so many of all."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all = asyncio.Semaphore(limits.image_connections)
        self._of_accounts: dict[AccountId, asyncio.Semaphore] = {}
        self._asking: Counter[AccountId] = Counter()

    @contextlib.asynccontextmanager
    async def one_more(self, account_id: AccountId) -> AsyncIterator[None]:
        """Wait for a turn, not for ever. Raises: RateLimited."""
        most = self._limits.image_connections_per_account
        if self._asking[account_id] >= most + WAITING:
            raise RateLimited("too many pictures at the same time")
        self._asking[account_id] += 1
        own = self._of_accounts.setdefault(account_id, asyncio.Semaphore(most))
        try:
            async with contextlib.AsyncExitStack() as held:
                try:
                    async with asyncio.timeout(self._limits.image_seconds):
                        await held.enter_async_context(own)
                        await held.enter_async_context(self._all)
                except TimeoutError:
                    raise RateLimited("too many pictures at the same time") from None
                yield
        finally:
            self._asking[account_id] -= 1
            if not self._asking[account_id]:
                del self._asking[account_id]
                del self._of_accounts[account_id]
