"""A JMAP site for tests: all services on real SQLite, our listener and application on a real socket, and a client."""

import contextlib
from collections.abc import AsyncIterator, Iterable

import httpx
from starlette.routing import BaseRoute

from office import DOMAIN, Office, address
from pillarbox.core.contents.spool import Content
from pillarbox.model.account import Account
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.serve.http.application import make_application
from pillarbox.serve.http.headers import HttpDate
from pillarbox.serve.http.listener import HttpListener
from pillarbox.serve.http.metrics import Metrics
from pillarbox.serve.jmap.method import Method
from pillarbox.serve.jmap.methods import METHODS
from pillarbox.serve.jmap.routes import jmap_routes
from pillarbox.wire.listener import Gate

PASSWORD = "correct horse"
CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"


class Site:
    """One client that has signed in as alice, and what is behind."""

    def __init__(self, office: Office, account: Account, http: httpx.AsyncClient, port: int) -> None:
        self.office = office
        self.mail = office.mail
        self.account = account
        self.id = f"a{account.id}"
        self.http = http
        self.port = port

    async def post(self, calls: object, *, using: Iterable[str] = (CORE, MAIL), **more: object) -> httpx.Response:
        return await self.http.post("/jmap/api", json={"using": list(using), "methodCalls": calls, **more})

    async def calls(self, *calls: tuple[str, dict]) -> list[list]:
        """Methods one after the other; `accountId` is added where it is missing. Their responses."""
        made = [[name, {"accountId": self.id, **arguments}, f"c{n}"] for n, (name, arguments) in enumerate(calls)]
        answer = await self.post(made)
        assert answer.status_code == 200, answer.text
        return answer.json()["methodResponses"]

    async def call(self, name: str, **arguments: object) -> dict:
        """One method that succeeds: its arguments."""
        ((found, answer, _),) = await self.calls((name, arguments))
        assert found == name, answer
        return answer

    async def fail(self, name: str, **arguments: object) -> dict:
        """One method that does not: the error."""
        ((found, answer, _),) = await self.calls((name, arguments))
        assert found == "error", answer
        return answer

    async def mailboxes(self, *properties: str) -> dict[str, dict]:
        """All Mailboxes by their names."""
        wanted = {"properties": [*properties, "name"]} if properties else {}
        return {one["name"]: one for one in (await self.call("Mailbox/get", ids=None, **wanted))["list"]}

    async def mailbox_id(self, name: str) -> str:
        return (await self.mailboxes("id"))[name]["id"]

    async def put(self, content: bytes, *path: str, flags: FlagSet = FlagSet()) -> str:
        """A message in a mailbox, INBOX unless said: its Email id."""
        mailbox = await self.mail.mailboxes.get(self.account.id, path or ("INBOX",))
        placed = await self.mail.messages.append(
            self.account.id, mailbox.id, Content.of(content), flags=flags, received=self.office.clock.now()
        )
        return f"e{placed.message_id}"


@contextlib.asynccontextmanager
async def open_jmap(
    office: Office, *, methods: Iterable[Method] = METHODS, more: Iterable[BaseRoute] = ()
) -> AsyncIterator[Site]:
    """The site, with `more` routes; alice has signed in."""
    await office.mail.directory.add_domain(DOMAIN)
    account = await office.mail.accounts.add(address("alice"), PASSWORD)
    gate = Gate(Limits())
    date = HttpDate(office.mail.clock)
    application = make_application(
        office.mail,
        [*jmap_routes(office.mail, methods), *more],
        metrics=Metrics(office.mail, connections=lambda: gate.total),
        date=date,
        https_port=8443,
    )
    listener = HttpListener(application, limits=Limits(), gate=gate, tls=None, date=date)
    await listener.open("127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(
            base_url=f"http://localhost:{listener.port}",
            auth=(f"alice@{DOMAIN}", PASSWORD),
            trust_env=False,
            verify=False,  # nothing is encrypted here, and to load all authorities takes 30 ms
            timeout=30,
        ) as http:
            yield Site(office, account, http, listener.port)
    finally:
        await listener.close(0.0)
