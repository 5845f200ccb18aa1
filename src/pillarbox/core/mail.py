"""The services of the system, built once and handed to every edge. Nothing here is global."""

from pillarbox.core.acceptance import Acceptance
from pillarbox.core.accounts import Accounts
from pillarbox.core.bounce import Bounces
from pillarbox.core.changes import Changes
from pillarbox.core.delivery import Delivery
from pillarbox.core.directory import Directory
from pillarbox.core.email_changes import EmailChanges
from pillarbox.core.email_query import EmailQueries
from pillarbox.core.email_window import EmailWindows
from pillarbox.core.emails import Emails
from pillarbox.core.health import Health
from pillarbox.core.housekeeping import Housekeeping, KeepSettings
from pillarbox.core.intake import Intake
from pillarbox.core.mailbox_changes import MailboxChanges
from pillarbox.core.mailbox_tree import MailboxTree
from pillarbox.core.mailboxes import Mailboxes
from pillarbox.core.messages import Messages
from pillarbox.core.open_mailboxes import OpenMailboxes
from pillarbox.core.passports import Passports
from pillarbox.core.passwords import Passwords
from pillarbox.core.queue import Queue
from pillarbox.core.queue_put import QueuePut, QueueSettings
from pillarbox.core.queued_delivery import QueuedDelivery
from pillarbox.core.search import Search
from pillarbox.core.spool import Spools
from pillarbox.core.states import States
from pillarbox.core.tokens import Tokens
from pillarbox.core.trace import Numbers
from pillarbox.core.uploads import Uploads
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random, Resolver
from pillarbox.store.base import Blobs, Database


class Mail:
    """All that the system does, by subject. `start` before the first use, `close` after the last."""

    def __init__(
        self,
        db: Database,
        blobs: Blobs,
        *,
        hostname: str,
        node: str,
        limits: Limits,
        clock: Clock,
        random: Random,
        queue_settings: QueueSettings,
        resolver: Resolver,
        keep: KeepSettings | None = None,
    ) -> None:
        self.hostname = hostname
        self.limits = limits
        self.clock = clock
        self.random = random
        self.resolver = resolver
        self.changes = Changes()
        self.health = Health(db)
        self.directory = Directory(db, limits=limits, clock=clock)
        self.passwords = Passwords(random, threads=limits.password_threads)
        self.accounts = Accounts(
            db, self.directory, self.passwords, limits=limits, clock=clock, random=random, changes=self.changes
        )
        self.tokens = Tokens(db, self.accounts, clock=clock, random=random)
        self.messages = Messages(db, blobs, limits=limits, clock=clock, changes=self.changes)
        self.mailboxes = Mailboxes(db, self.messages, limits=limits, clock=clock, changes=self.changes)
        self.mailbox_tree = MailboxTree(db, self.mailboxes)
        self.mailbox_changes = MailboxChanges(db)
        self.open_mailboxes = OpenMailboxes(db, changes=self.changes)
        self.search = Search(db, blobs)
        self.emails = Emails(db, blobs)
        self.email_changes = EmailChanges(db)
        self.email_queries = EmailQueries(db, blobs)
        self.email_windows = EmailWindows(db)
        self.states = States(db)
        self.spools = Spools(blobs)
        self.uploads = Uploads(db, blobs, self.spools, limits=limits, clock=clock)
        self.housekeeping = Housekeeping(db, blobs, self.spools.transit, clock=clock, keep=keep or KeepSettings())
        self._build_flow(db, blobs, node, queue_settings)

    def _build_flow(self, db: Database, blobs: Blobs, node: str, settings: QueueSettings) -> None:
        """The way of a message: intake, delivery, queue, bounces; and what they note."""
        limits, clock, random, hostname = self.limits, self.clock, self.random, self.hostname
        numbers = Numbers(clock)
        self.passports = Passports(db, numbers)
        put = QueuePut(self.passports, numbers, settings)
        delivery = Delivery(db, self.messages, self.passports, clock=clock)
        acceptance = Acceptance(
            db,
            self.spools,
            directory=self.directory,
            accounts=self.accounts,
            messages=self.messages,
            delivery=delivery,
            put=put,
            passports=self.passports,
            hostname=hostname,
            limits=limits,
            clock=clock,
        )
        self.intake = Intake(
            acceptance,
            directory=self.directory,
            accounts=self.accounts,
            messages=self.messages,
            limits=limits,
            random=random,
            resolver=self.resolver,
        )
        bounces = Bounces(
            delivery,
            put,
            directory=self.directory,
            passports=self.passports,
            hostname=hostname,
            random=random,
            clock=clock,
        )
        self.queue = Queue(
            db,
            blobs,
            put,
            bounces,
            passports=self.passports,
            clock=clock,
            random=random,
            node=node,
            settings=settings,
        )

        self.queued_delivery = QueuedDelivery(
            db,
            blobs,
            self.spools.transit,
            directory=self.directory,
            messages=self.messages,
            delivery=delivery,
            clock=clock,
        )

    async def start(self) -> None:
        """Load what is kept in memory, and finish what a crash interrupted."""
        await self.directory.start()
        await self.accounts.finish_removals()
        await self.mailboxes.finish_removals()
        await self.queue.release_own()

    async def close(self) -> None:
        """Write what was put off, end the threads."""
        await self.passports.close()
        self.passwords.close()
