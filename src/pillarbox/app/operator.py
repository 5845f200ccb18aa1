"""What an operator may ask for, by name: the one list behind the command line, live or not.

While `serve` runs, a request comes over `DIR/control.sock`; while it does not, the command line opens the store itself
and asks here directly. Both get the same answers, as plain JSON values. Nothing here prints.
"""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from pillarbox.app.names import read_address, read_domain
from pillarbox.app.operator_values import account_json, entry_json, queued_json, token_json
from pillarbox.core.mail import Mail
from pillarbox.model.errors import Invalid, MailError, NotFound
from pillarbox.model.ids import QueueId

Arguments = Mapping[str, Any]
Answer = Any
Handler = Callable[["Operator", Arguments], Awaitable[Answer]]


class Operator:
    """Carries out requests on the services of one server."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail

    async def answer(self, name: str, arguments: Arguments) -> Answer:
        """The JSON value that answers request `name`.

        Raises: MailError with a text for people.
        """
        handler = HANDLERS.get(name)
        if handler is None:
            raise NotFound(f"this server knows no request named {name}")
        try:
            return await handler(self, arguments)
        except (KeyError, TypeError) as problem:
            raise Invalid(f"{name}: argument {problem} is missing or of the wrong kind") from problem

    async def add_account(self, arguments: Arguments) -> Answer:
        account = await self.mail.accounts.add(read_address(arguments["address"]), arguments["password"])
        return account_json(account)

    async def list_accounts(self, arguments: Arguments) -> Answer:
        return [account_json(account) for account in await self.mail.accounts.list()]

    async def set_password(self, arguments: Arguments) -> Answer:
        address = read_address(arguments["address"])
        await self.mail.accounts.set_password(address, arguments["password"])
        return {"address": arguments["address"], "tokens": len(await self.mail.tokens.list(address))}

    async def recover_account(self, arguments: Arguments) -> Answer:
        account = await self.mail.accounts.find(read_address(arguments["address"]))
        await self.mail.second_factors.forget_all(account)
        return {"address": arguments["address"]}

    async def remove_account(self, arguments: Arguments) -> Answer:
        await self.mail.accounts.remove(read_address(arguments["address"]))
        return {"address": arguments["address"]}

    async def add_token(self, arguments: Arguments) -> Answer:
        days = arguments["days"]
        secret = await self.mail.tokens.add(
            read_address(arguments["address"]),
            arguments["name"],
            lasts=None if days is None else timedelta(days=days),
        )
        return {"name": arguments["name"], "token": secret}

    async def list_tokens(self, arguments: Arguments) -> Answer:
        return [token_json(token) for token in await self.mail.tokens.list(read_address(arguments["address"]))]

    async def remove_token(self, arguments: Arguments) -> Answer:
        await self.mail.tokens.remove(read_address(arguments["address"]), arguments["name"])
        return {"name": arguments["name"]}

    async def add_alias(self, arguments: Arguments) -> Answer:
        targets = tuple(read_address(target) for target in arguments["targets"])
        await self.mail.directory.add_alias(read_address(arguments["address"]), targets)
        return {"address": arguments["address"], "targets": [str(target) for target in targets]}

    async def list_aliases(self, arguments: Arguments) -> Answer:
        return [
            {"address": str(alias.address), "targets": [str(target) for target in alias.targets]}
            for alias in await self.mail.directory.list_aliases()
        ]

    async def remove_alias(self, arguments: Arguments) -> Answer:
        await self.mail.directory.remove_alias(read_address(arguments["address"]))
        return {"address": arguments["address"]}

    async def add_domain(self, arguments: Arguments) -> Answer:
        await self.mail.directory.add_domain(read_domain(arguments["name"]))
        return {"name": arguments["name"]}

    async def list_domains(self, arguments: Arguments) -> Answer:
        return [{"name": name} for name in await self.mail.directory.list_domains()]

    async def remove_domain(self, arguments: Arguments) -> Answer:
        await self.mail.directory.remove_domain(arguments["name"])
        return {"name": arguments["name"]}

    async def import_contacts(self, arguments: Arguments) -> Answer:
        account = await self.mail.accounts.find(read_address(arguments["address"]))
        book = await self.mail.card_files.find_book(account.id, _book_name(arguments))
        found = await self.mail.card_files.bring(account.id, _octets(arguments), book.id)
        return {
            "book": book.name,
            "added": found.added,
            "known": found.known,
            "refused": found.refused,
            "problems": list(found.problems),
        }

    async def export_contacts(self, arguments: Arguments) -> Answer:
        account = await self.mail.accounts.find(read_address(arguments["address"]))
        name = _book_name(arguments)
        book = None if name is None else await self.mail.card_files.find_book(account.id, name)
        texts = self.mail.card_files.take(account.id, None if book is None else book.id)
        return "".join([text async for text in texts])

    async def list_queue(self, arguments: Arguments) -> Answer:
        return [queued_json(message) for message in await self.mail.queue.list()]

    async def show_queued(self, arguments: Arguments) -> Answer:
        return queued_json(await self.mail.queue.show(_queue_id(arguments)))

    async def retry_queued(self, arguments: Arguments) -> Answer:
        await self.mail.queue.retry(_queue_id(arguments))
        return {"id": str(_queue_id(arguments))}

    async def cancel_queued(self, arguments: Arguments) -> Answer:
        await self.mail.queue.cancel(_queue_id(arguments))
        return {"id": str(_queue_id(arguments))}

    async def show_passport(self, arguments: Arguments) -> Answer:
        await self.mail.passports.flush()
        entries = await self.mail.passports.find(arguments["name"])
        if not entries:
            raise NotFound(f"no message named {arguments['name']} has passed here")
        return [entry_json(entry) for entry in entries]


def _book_name(arguments: Arguments) -> str | None:
    name = arguments["book"]
    if not isinstance(name, str | None):
        raise Invalid("the address book has no such name")
    return name


def _octets(arguments: Arguments) -> bytes:
    try:
        return b64decode(arguments["octets"], validate=True)
    except ValueError:
        raise Invalid("the octets are not base64") from None


def _queue_id(arguments: Arguments) -> QueueId:
    try:
        return QueueId(int(arguments["id"]))
    except ValueError:
        raise Invalid(f"{arguments['id']} is no queue id") from None


HANDLERS: dict[str, Handler] = {
    "account.add": Operator.add_account,
    "account.list": Operator.list_accounts,
    "account.password": Operator.set_password,
    "account.recover": Operator.recover_account,
    "account.remove": Operator.remove_account,
    "token.add": Operator.add_token,
    "token.list": Operator.list_tokens,
    "token.remove": Operator.remove_token,
    "alias.add": Operator.add_alias,
    "alias.list": Operator.list_aliases,
    "alias.remove": Operator.remove_alias,
    "domain.add": Operator.add_domain,
    "domain.list": Operator.list_domains,
    "domain.remove": Operator.remove_domain,
    "contacts.import": Operator.import_contacts,
    "contacts.export": Operator.export_contacts,
    "queue.list": Operator.list_queue,
    "queue.show": Operator.show_queued,
    "queue.retry": Operator.retry_queued,
    "queue.cancel": Operator.cancel_queued,
    "passport.show": Operator.show_passport,
}


def problem_json(problem: MailError) -> dict[str, Any]:
    """How an error crosses the control socket."""
    return {"error": problem.text, "temporary": problem.temporary}
