"""The data types that changes are told of, by JMAP's names (RFC 8620 §7.1, RFC 8621 §1.5, RFC 9425 §6)."""

from collections.abc import Collection

from pillarbox.core.feed.state_feed import StateNews
from pillarbox.core.feed.states import Kind
from pillarbox.serve.jmap.quota import format_state

DELIVERY = "EmailDelivery"
QUOTA = "Quota"
"""Its state is no mod-sequence."""
TYPES: dict[str, Kind] = {
    "Mailbox": Kind.MAILBOX,
    "Thread": Kind.EMAIL,
    "Email": Kind.EMAIL,
    "Identity": Kind.IDENTITY,
    "EmailSubmission": Kind.SUBMISSION,
    "VacationResponse": Kind.VACATION,
    "AddressBook": Kind.ADDRESS_BOOK,
    "ContactCard": Kind.CONTACT,
    "QueuedMessage": Kind.QUEUED,
}


def type_states(news: StateNews, wanted: Collection[str] | None) -> dict[str, str]:
    """TypeState of what has changed; None wants all. Types that there are not have never changed."""
    states = {name: str(news.states[kind]) for name, kind in TYPES.items() if kind in news.states}
    if news.delivered is not None:
        states[DELIVERY] = str(news.delivered)
    if news.quota is not None and news.quota.limit_octets:
        states[QUOTA] = format_state(news.quota)
    return states if wanted is None else {name: state for name, state in states.items() if name in wanted}
