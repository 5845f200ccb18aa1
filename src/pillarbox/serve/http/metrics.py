"""`/metrics`: what operators watch, in Prometheus' text form; each server has a registry of its own.

Only from this machine, and not through a proxy on it: numbers tell strangers how much mail passes here. No name of a
person, domain or peer is ever a label.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pillarbox.core.mail import Mail
from pillarbox.model.errors import NotAllowed
from pillarbox.serve.http.peer import is_loopback

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Metrics:
    """What is counted here, and what others count."""

    def __init__(self, mail: Mail, *, connections: Callable[[], int]) -> None:
        self._mail = mail
        self._registry = CollectorRegistry()
        self._counts = _Counts(mail, connections)
        self._registry.register(self._counts)

    def count_request(self, status: int) -> None:
        """One more was answered."""
        self._counts.requests[status] += 1

    async def text(self) -> bytes:
        """All of it as it stands."""
        self._counts.queued = await self._mail.queue.size()
        return generate_latest(self._registry)

    def routes(self) -> list[Route]:
        """`/metrics`."""

        async def metrics(request: Request) -> Response:
            if not is_loopback(request.scope) or any(name in request.headers for name in FORWARDED):
                raise NotAllowed("only this machine itself may ask that")
            return Response(await self.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

        return [Route("/metrics", metrics)]


class _Counts(Collector):
    """Reads what the services count, when it is asked."""

    def __init__(self, mail: Mail, connections: Callable[[], int]) -> None:
        self._mail = mail
        self._connections = connections
        self.queued = 0
        self.requests: Counter[int] = Counter()

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        yield GaugeMetricFamily("pillarbox_connections", "Open, of all protocols.", self._connections())
        yield GaugeMetricFamily("pillarbox_queue_messages", "Waiting for other servers.", self.queued)
        steps = CounterMetricFamily(
            "pillarbox_message_steps", "Steps of messages, as passports have them.", labels=["step"]
        )
        for step, count in self._mail.passports.counts.items():
            steps.add_metric([step.value], count)
        yield steps
        yield CounterMetricFamily("pillarbox_logins_failed", "Wrong passwords.", self._mail.accounts.failed_logins)
        requests = CounterMetricFamily("pillarbox_http_requests", "HTTP requests answered.", labels=["status"])
        for status, count in sorted(self.requests.items()):
            requests.add_metric([str(status)], count)
        yield requests


class CountedRequests:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the answer."""

        async def send_counted(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self._metrics.count_request(message["status"])
            elif message["type"] == "websocket.accept":
                self._metrics.count_request(101)
            await send(message)

        await self._app(scope, receive, send_counted)
