"""A browser for tests: it keeps cookies, and says of its requests what browsers say of those of a page of ours."""

import contextlib
import ssl
from collections.abc import AsyncIterator

import httpx
import pyotp
from argon2 import PasswordHasher

from office import Office, address
from pillarbox.serve.http.sign_in.routes import sign_in_routes
from serve.http.http_site import Site, open_site

PASSWORD = "correct horse battery"
LOGIN = "alice@uiowa.test"
SECURE = "__Host-pillarbox-session"


class Browser:
    """One window of one browser."""

    def __init__(self, http: httpx.AsyncClient, office: Office) -> None:
        self.http = http
        self.office = office
        self.origin = str(http.base_url).rstrip("/")
        self.ours = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", **headers})

    async def post(self, path: str, body: object = None) -> httpx.Response:
        return await self.http.post(path, json={} if body is None else body, headers=self.ours)

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path, headers={**self.ours, "X-Requested-With": "test"})

    async def password(self, login: str = LOGIN, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/auth/sign-in", {"login": login, "password": password})

    async def sign_in(self, login: str = LOGIN, password: str = PASSWORD) -> dict:
        answer = await self.password(login, password)
        assert answer.status_code == 200, answer.text
        assert answer.json()["signedIn"] is True
        return answer.json()

    async def turn_on_codes(self) -> tuple["Clock", list[str]]:
        """A clock, confirmed; and the recovery codes."""
        begun = (await self.post("/auth/totp")).json()
        clock = Clock(begun["secret"], self.office)
        answer = await self.post("/auth/totp/confirm", {"code": clock.code()})
        assert answer.status_code == 200, answer.text
        return clock, answer.json()["recoveryCodes"]

    @property
    def cookie(self) -> str:
        return dict(self.http.cookies)[SECURE]

    async def who(self) -> int:
        """200 while it is signed in."""
        return (await self.get("/auth")).status_code


class Clock:
    """What shows codes, on somebody's telephone."""

    def __init__(self, secret: str, office: Office) -> None:
        self._totp = pyotp.TOTP(secret)
        self._office = office

    def code(self, *, later: int = 0) -> str:
        return self._totp.at(int(self._office.clock.now().timestamp()) + 30 * later)

    def next_code(self) -> str:
        """One that was not shown yet."""
        self._office.clock.advance(30)
        return self.code()


@contextlib.asynccontextmanager
async def open_browser(site: Site, office: Office, tls: ssl.SSLContext | None) -> AsyncIterator[Browser]:
    scheme = "http" if tls is None else "https"
    async with httpx.AsyncClient(
        verify=tls if tls is not None else False,
        base_url=f"{scheme}://localhost:{site.port}",
        trust_env=False,
        timeout=30,
        headers={"User-Agent": "Testscape 4.0"},
    ) as http:
        yield Browser(http, office)


@contextlib.asynccontextmanager
async def open_people(office: Office, server_tls: ssl.SSLContext) -> AsyncIterator[Site]:
    """A site where alice and bob have accounts, and where comparing a password takes no time to speak of."""
    office.mail.passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for name in ("alice", "bob"):
        await office.mail.accounts.add(address(name), PASSWORD)
    async with open_site(office, tls=server_tls, extra=sign_in_routes(office.mail)) as site:
        yield site
