"""What push subscriptions are sent, for whoever sends it (RFC 8620 §7.1, §7.2.2)."""

from pillarbox.core.feed.state_feed import StateNews
from pillarbox.grammar.jmap import ijson
from pillarbox.grammar.jmap.ids import format_account, format_push_subscription
from pillarbox.grammar.jmap.push import state_change, verification
from pillarbox.model.push import PushSubscription
from pillarbox.serve.jmap.push.types import type_states

CONTENT_TYPE = "application/json"


class JmapTexts:
    """`relay.push.Texts` in JMAP's words."""

    content_type = CONTENT_TYPE

    def verification(self, subscription: PushSubscription) -> bytes:
        """The code."""
        return ijson.encode(verification(format_push_subscription(subscription.id), subscription.code))

    def news(self, subscription: PushSubscription, news: StateNews) -> bytes | None:
        """What has changed of what it wants to hear of; None when that is nothing."""
        states = type_states(news, subscription.types)
        return ijson.encode(state_change(format_account(subscription.account_id), states)) if states else None
