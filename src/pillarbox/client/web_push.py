"""Hands one text to a push service, which brings it to a device (RFC 8030 §5, RFC 8620 §7.2).

Where there are keys the text is encrypted, so that the push service learns nothing but that there is one. What the
service says is a meaning here: it has it, it will never want any there, it does not want this one, or it may want it later.
"""

from enum import Enum

import msgspec

from pillarbox.grammar.push.encryption import CODING, SALT_OCTETS, SEED_OCTETS, Fresh, encrypt
from pillarbox.grammar.push.vapid import Sender, authorization
from pillarbox.model.errors import Invalid, MailError, Refused
from pillarbox.model.ports import Clock, HttpAnswer, HttpFetch, Random
from pillarbox.model.push import PushSubscription
from pillarbox.model.url import parse_https

ANSWER_OCTETS = 16_384
"""Nobody reads it; whoever says more is no push service."""
RETRY_MOST_SECONDS = 86_400
PATIENCE = (408, 425, 429)
"""Of a client's faults those that time mends."""


class Outcome(Enum):
    """What became of a text."""

    TAKEN = "taken"
    GONE = "gone"
    """Nobody wants it there, now or later: the subscription is over."""
    REFUSED = "refused"
    """Not this one, and it would not be wanted if it came again (RFC 9749 §6)."""
    LATER = "later"


class PushAnswer(msgspec.Struct, frozen=True):
    """`retry_seconds` is how long the service wants to be left alone, None when it does not say."""

    outcome: Outcome
    reason: str
    retry_seconds: int | None = None


class PushMessage(msgspec.Struct, frozen=True):
    """A text, and what the service is told about it: for how long it is of use, and how soon (RFC 8030 §5.2, §5.3)."""

    text: bytes
    content_type: str
    ttl_seconds: int
    urgency: str


class WebPush:
    """Speaks to push services."""

    def __init__(
        self, fetch: HttpFetch, *, clock: Clock, random: Random, seconds: float, sender: Sender | None = None
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._random = random
        self._seconds = seconds
        self._sender = sender

    async def send(self, subscription: PushSubscription, message: PushMessage) -> PushAnswer:
        """Try once. Never raises but for cancellation: a failure is an answer."""
        headers = {
            "Content-Type": message.content_type,
            "TTL": str(message.ttl_seconds),
            "Urgency": message.urgency,
        }
        body = message.text
        if subscription.keys is not None:
            fresh = Fresh(self._random.octets(SEED_OCTETS), self._random.octets(SALT_OCTETS))
            body = encrypt(body, subscription.keys, fresh)
            headers["Content-Encoding"] = CODING
        try:
            url = parse_https(subscription.url)
            if self._sender is not None:
                headers["Authorization"] = authorization(self._sender, url, now=self._clock.now())
            answer = await self._fetch.post(
                url, body, headers=headers, most_octets=ANSWER_OCTETS, seconds=self._seconds
            )
        except (Refused, Invalid) as problem:
            return PushAnswer(Outcome.GONE, problem.text)
        except MailError as problem:
            return PushAnswer(Outcome.LATER, problem.text)
        return _meaning(answer)


def _meaning(answer: HttpAnswer) -> PushAnswer:
    """RFC 8030 §5, §7.3, RFC 8620 §7.2: 404 and 410 are the end, 429 asks for patience, and what else is the request's
    fault is refused."""
    reason = f"status {answer.status}"
    if 200 <= answer.status < 300:
        return PushAnswer(Outcome.TAKEN, reason)
    if answer.status in (404, 410):
        return PushAnswer(Outcome.GONE, reason)
    if 400 <= answer.status < 500 and answer.status not in PATIENCE:
        return PushAnswer(Outcome.REFUSED, reason)
    said = answer.headers.get("retry-after", "")
    wait = min(int(said), RETRY_MOST_SECONDS) if said.isascii() and said.isdecimal() and len(said) < 10 else None
    return PushAnswer(Outcome.LATER, reason, wait)
