"""Runs requests: each method call in its order, each failure in its place (RFC 8620 §3.3 to §3.7).

Nothing that a method raises goes further than its own response: a bug answers serverFail, is logged with its
traceback, and the calls behind it are made all the same.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec

from pillarbox.core.mail import Mail
from pillarbox.grammar.jmap.problems import ProblemKind, RequestProblem
from pillarbox.grammar.jmap.references import resolve
from pillarbox.grammar.jmap.request import (
    Invocation,
    Request,
    RequestLimits,
    Response,
    decode_value,
    encode_response,
    read_request,
)
from pillarbox.grammar.jmap.websocket import ClientMessage, read_message
from pillarbox.model.account import PASSWORD, Account, Credential
from pillarbox.model.ids import AccountId
from pillarbox.serve.jmap import session_object
from pillarbox.serve.jmap.method import Call, Json, Method, Problem, Responses
from pillarbox.serve.jmap.replies import method_error

DECODED_ON_THE_LOOP_OCTETS = 200_000


class InUse:
    """How many of something each account has at the moment, and the most that it may have."""

    def __init__(self, limit: str, most: int) -> None:
        self._limit = limit
        self._most = most
        self._running: Counter[AccountId] = Counter()

    @contextmanager
    def one_more(self, account_id: AccountId) -> Iterator[None]:
        """Raises: RequestProblem when there are as many as there may be."""
        if self._running[account_id] >= self._most:
            raise RequestProblem(ProblemKind.LIMIT, "too many requests at the same time", limit=self._limit)
        self._running[account_id] += 1
        try:
            yield
        finally:
            self._running[account_id] -= 1
            if not self._running[account_id]:
                del self._running[account_id]


class Dispatch:
    """The table of methods, and what it takes to run them."""

    def __init__(self, mail: Mail, methods: Iterable[Method]) -> None:
        self._mail = mail
        self._methods = {method.name: method for method in methods}
        self._running = InUse("maxConcurrentRequests", mail.limits.jmap_concurrent_requests)
        self._limits = RequestLimits(size_octets=mail.limits.jmap_request_octets, calls=mail.limits.jmap_calls)

    async def answer(self, octets: bytes, account: Account, base_url: str, credential: Credential = PASSWORD) -> bytes:
        """The response to a request. Raises: RequestProblem."""
        with self.one_more(account.id):
            value = await self.decode(octets)
            request = read_request(value, limits=self._limits, capabilities=session_object.CAPABILITIES)
            return encode_response(await self.run(request, account, base_url, credential))

    def one_more(self, account_id: AccountId) -> AbstractContextManager[None]:
        """Of the requests of this account that are under way. Raises: RequestProblem when there are enough."""
        return self._running.one_more(account_id)

    async def decode(self, octets: bytes) -> object:
        """What is to be a request, as JSON. Raises: RequestProblem."""
        if len(octets) <= DECODED_ON_THE_LOOP_OCTETS:
            return decode_value(octets, limits=self._limits)
        return await asyncio.to_thread(decode_value, octets, limits=self._limits)

    def read_message(self, value: object) -> ClientMessage:
        """What came over a WebSocket. Raises: RequestProblem."""
        return read_message(value, limits=self._limits, capabilities=session_object.CAPABILITIES)

    async def run(
        self, request: Request, account: Account, base_url: str, credential: Credential = PASSWORD
    ) -> Response:
        """Make the calls of a request that was read."""
        call = Call(self._mail, account, frozenset(request.using), dict(request.created_ids or {}), base_url)
        call.credential = credential
        responses: list[Invocation] = []
        for invocation in request.method_calls:
            made = await self._make(call, invocation, responses)
            named = made if isinstance(made, list) else [(invocation.name, made)]
            responses += [Invocation(name, arguments, invocation.call_id) for name, arguments in named]
            await asyncio.sleep(0)  # others have their turn, however many calls there are
        seed, has_images = self._mail.push_subscriptions.seed, self._mail.remote_images.is_on
        state = session_object.state_of(self._mail.limits, account, base_url, seed, has_images)
        return Response(tuple(responses), state, None if request.created_ids is None else call.created_ids)

    async def _make(self, call: Call, invocation: Invocation, earlier: list[Invocation]) -> Responses:
        try:
            method = self._methods.get(invocation.name)
            if method is None or method.capability not in call.using:
                raise Problem("unknownMethod")
            return await method.handler(call, _arguments(method, resolve(invocation.arguments, earlier)))
        except Exception as error:  # noqa: BLE001 - a bug is logged there
            return [("error", method_error(error, method=invocation.name))]


def _arguments(method: Method, given: Json) -> object:
    """Raises: Problem: invalidArguments, with what is wrong and where."""
    if method.arguments is None:
        return given
    try:
        return msgspec.convert(given, method.arguments)
    except msgspec.ValidationError as error:
        raise Problem("invalidArguments", str(error)) from None
