"""The services of the system, built once and handed to every edge. Nothing here is global."""

from argon2 import PasswordHasher

from pillarbox.core.access.accounts import Accounts
from pillarbox.core.access.credentials import Credentials
from pillarbox.core.access.passkeys import Passkeys
from pillarbox.core.access.passwords import Passwords
from pillarbox.core.access.second_factors import SecondFactors
from pillarbox.core.access.sessions import Sessions
from pillarbox.core.access.sign_in import SignIn
from pillarbox.core.access.tokens import Tokens
from pillarbox.core.contents.remote_images import ImageSettings, RemoteImages
from pillarbox.core.contents.spool import Spools
from pillarbox.core.contents.uploads import Uploads
from pillarbox.core.email.email_changes import EmailChanges
from pillarbox.core.email.email_edit import EmailEdits
from pillarbox.core.email.emails import Emails
from pillarbox.core.email.whereabouts import Whereabouts
from pillarbox.core.feed.changes import Changes
from pillarbox.core.feed.object_changes import ObjectChanges
from pillarbox.core.feed.push_subscriptions import PushSubscriptions
from pillarbox.core.feed.queue_feed import QueueFeed
from pillarbox.core.feed.state_feed import StateFeed
from pillarbox.core.feed.states import States
from pillarbox.core.finding.arrangement import Arrangements
from pillarbox.core.finding.email_query import EmailQueries
from pillarbox.core.finding.email_window import EmailWindows
from pillarbox.core.finding.indexing import Indexing
from pillarbox.core.finding.search import Search
from pillarbox.core.flow.acceptance import Acceptance
from pillarbox.core.flow.bounce import Bounces
from pillarbox.core.flow.delivery import Delivery
from pillarbox.core.flow.directory import Directory
from pillarbox.core.flow.intake import Intake
from pillarbox.core.flow.outbox import Outbox
from pillarbox.core.flow.queue import Queue
from pillarbox.core.flow.queue_put import QueuePut, QueueSettings
from pillarbox.core.flow.queued_delivery import QueuedDelivery
from pillarbox.core.flow.vacation import Vacations
from pillarbox.core.health import Health
from pillarbox.core.housekeeping import Housekeeping, KeepSettings
from pillarbox.core.mailbox.mailbox_changes import MailboxChanges
from pillarbox.core.mailbox.mailbox_tree import MailboxTree
from pillarbox.core.mailbox.mailboxes import Mailboxes
from pillarbox.core.mailbox.messages import Messages
from pillarbox.core.mailbox.open_mailboxes import OpenMailboxes
from pillarbox.core.mailbox.quotas import Quotas
from pillarbox.core.passport.own_passports import OwnPassports
from pillarbox.core.passport.passports import Passports
from pillarbox.core.passport.trace import Numbers
from pillarbox.core.people.address_books import AddressBooks
from pillarbox.core.people.card_files import CardFiles
from pillarbox.core.people.contact_query import ContactQueries
from pillarbox.core.people.contacts import Contacts
from pillarbox.core.sending.identities import Identities
from pillarbox.core.sending.receipts import Receipts
from pillarbox.core.sending.submission_check import SubmissionCheck
from pillarbox.core.sending.submissions import Submissions, SubmissionSettings
from pillarbox.core.sending.tracking import Tracking
from pillarbox.model.limits import Limits
from pillarbox.model.ports import Clock, Random, Resolver
from pillarbox.store.base import Blobs, Database


class Mail:
    """All that the system does, by subject. `start` before the first use, `close` after the last.

    `hasher` None: passwords cost what RFC 9106 §4 recommends.
    """

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
        submission: SubmissionSettings | None = None,
        images: ImageSettings | None = None,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self.hostname = hostname
        self.limits = limits
        self.clock = clock
        self.random = random
        self.resolver = resolver
        self.changes = Changes()
        self.credentials = Credentials()
        self.health = Health(db)
        self.directory = Directory(db, limits=limits, clock=clock)
        self.passwords = Passwords(random, threads=limits.password_threads, hasher=hasher)
        self.accounts = Accounts(
            db,
            self.directory,
            self.passwords,
            limits=limits,
            clock=clock,
            random=random,
            changes=self.changes,
            credentials=self.credentials,
        )
        self.tokens = Tokens(db, self.accounts, limits=limits, clock=clock, random=random, credentials=self.credentials)
        self._build_mailboxes(db, blobs)
        self.spools = Spools(blobs)
        self.uploads = Uploads(db, blobs, self.spools, limits=limits, clock=clock)
        self.card_files = CardFiles(self.address_books, self.contacts, self.uploads)
        self._build_flow(db, blobs, node, queue_settings, submission or SubmissionSettings())
        self.own_passports = OwnPassports(db)
        self.outbox = Outbox(db, self.queue, limits=limits, clock=clock)
        is_on = (images or ImageSettings()).proxy
        self.remote_images = RemoteImages(db, limits=limits, clock=clock, random=random, is_on=is_on)
        self.housekeeping = Housekeeping(
            db,
            blobs,
            self.spools.transit,
            submissions=self.submissions,
            sessions=self.sessions,
            clock=clock,
            keep=keep or KeepSettings(),
        )

    def _build_sign_in(self, db: Database) -> None:
        """How people with browsers sign in."""
        limits, clock, random = self.limits, self.clock, self.random
        self.sessions = Sessions(db, limits=limits, clock=clock, random=random, credentials=self.credentials)
        self.second_factors = SecondFactors(
            db,
            self.sessions,
            limits=limits,
            clock=clock,
            random=random,
            credentials=self.credentials,
            issuer=self.hostname,
        )
        self.passkeys = Passkeys(db, self.second_factors, self.sessions, limits=limits, clock=clock, random=random)
        self.sign_in = SignIn(
            self.accounts, self.sessions, self.second_factors, self.passkeys, clock=clock, random=random
        )

    def _build_mailboxes(self, db: Database, blobs: Blobs) -> None:
        """Messages, where they lie, and what is asked of them."""
        limits, clock = self.limits, self.clock
        self._build_sign_in(db)
        self.messages = Messages(db, blobs, limits=limits, clock=clock, changes=self.changes)
        self.mailboxes = Mailboxes(db, self.messages, limits=limits, clock=clock, changes=self.changes)
        self.mailbox_tree = MailboxTree(db, self.mailboxes)
        self.mailbox_changes = MailboxChanges(db)
        self.open_mailboxes = OpenMailboxes(db, changes=self.changes)
        self.indexing = Indexing(db, blobs, changes=self.changes, clock=clock)
        self.search = Search(db, blobs)
        self.arrangements = Arrangements(db, blobs)
        self.whereabouts = Whereabouts(db)
        self.quotas = Quotas(db, limits=limits)
        self.emails = Emails(db, blobs)
        self.email_changes = EmailChanges(db)
        self.email_edits = EmailEdits(db, self.messages, limits=limits, clock=clock, changes=self.changes)
        self.email_queries = EmailQueries(db, blobs)
        self.email_windows = EmailWindows(db, self.email_queries)
        self.address_books = AddressBooks(db, limits=limits, clock=clock)
        self.contacts = Contacts(db, self.address_books, limits=limits, clock=clock, random=self.random)
        self.contact_queries = ContactQueries(db)
        self.contact_changes = ObjectChanges(db)
        self.object_changes = ObjectChanges(db)
        self.states = States(db)
        self.state_feed = StateFeed(db, limits=limits)
        self.push_subscriptions = PushSubscriptions(db, limits=limits, clock=clock, random=self.random)

    def _build_flow(
        self, db: Database, blobs: Blobs, node: str, settings: QueueSettings, submission: SubmissionSettings
    ) -> None:
        """The way of a message: intake, delivery, queue, bounces; and what they note."""
        limits, clock, random, hostname = self.limits, self.clock, self.random, self.hostname
        numbers = Numbers(clock)
        self.passports = Passports(db, numbers)
        feed = QueueFeed(clock=clock)
        put = QueuePut(self.passports, numbers, self.directory, settings, limits, feed)
        self._build_notices(db, put)
        tracking = Tracking(clock=clock)
        delivery = Delivery(db, self.messages, self.passports, self.vacations, tracking=tracking, clock=clock)
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
            clock=clock,
            resolver=self.resolver,
        )
        self._build_queue(db, blobs, delivery, put, tracking, feed, node=node, settings=settings)
        self.identities = Identities(db, self.accounts, limits=limits, clock=clock)
        self.submissions = Submissions(
            db,
            self.spools,
            acceptance=acceptance,
            intake=self.intake,
            check=SubmissionCheck(acceptance, self.intake, self.accounts, limits=limits),
            put=put,
            queue=self.queue,
            tracking=tracking,
            identities=self.identities,
            emails=self.emails,
            limits=limits,
            clock=clock,
            settings=submission,
        )

    def _build_notices(self, db: Database, put: QueuePut) -> None:
        """What is written here in people's names: answers while they are away, receipts."""
        self.vacations = Vacations(
            db,
            put,
            directory=self.directory,
            passports=self.passports,
            hostname=self.hostname,
            limits=self.limits,
            random=self.random,
            clock=self.clock,
        )
        self.receipts = Receipts(
            db,
            self.spools,
            put,
            accounts=self.accounts,
            directory=self.directory,
            emails=self.emails,
            changes=self.changes,
            hostname=self.hostname,
            limits=self.limits,
            random=self.random,
            clock=self.clock,
        )

    def _build_queue(
        self,
        db: Database,
        blobs: Blobs,
        delivery: Delivery,
        put: QueuePut,
        tracking: Tracking,
        feed: QueueFeed,
        *,
        node: str,
        settings: QueueSettings,
    ) -> None:
        """The queue, and what it does with mail for people here and mail that nobody takes."""
        clock, random = self.clock, self.random
        bounces = Bounces(
            delivery,
            put,
            directory=self.directory,
            passports=self.passports,
            hostname=self.hostname,
            random=random,
            clock=clock,
        )
        self.queue = Queue(
            db,
            blobs,
            put,
            bounces,
            passports=self.passports,
            tracking=tracking,
            feed=feed,
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
        await self.vacations.start()
        await self.accounts.finish_removals()
        await self.mailboxes.finish_removals()
        await self.queue.release_own()
        await self.push_subscriptions.start()
        await self.remote_images.start()

    async def close(self) -> None:
        """Write what was put off, end the threads."""
        await self.state_feed.close()
        await self.passports.close()
        self.passwords.close()
