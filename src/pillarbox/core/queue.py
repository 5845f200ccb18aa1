"""Outgoing mail that waits: who is due, who is at work on it, what came of it.

A queued recipient's states; each step is one transaction, `record` and `cancel` also delete a message whose recipients
are all final, and release its content:

| state     | step              | to        | who               | a crash before it leaves       | after it                   |
| --------- | ----------------- | --------- | ----------------- | ------------------------------ | -------------------------- |
| (none)    | `put`             | WAITING   | acceptance        | nothing: the client got no 250 | the message is ours        |
| WAITING   | `claim`           | SENDING   | a worker          | WAITING, due                   | a lease: due when it ends, |
|           |                   |           |                   |                                | or when its node starts    |
| SENDING   | `claim`           | SENDING   | another worker    | an old lease, due              | the lease is the other's   |
| SENDING   | `record` relayed  | SENT      | the lease's owner | SENDING: sent again, the       | final                      |
|           |                   |           |                   | duplicate of RFC 5321 §6.1     |                            |
| SENDING   | `record` delayed  | WAITING   | the lease's owner | SENDING: tried when it ends    | due after the back-off     |
| SENDING   | `record` failed   | FAILED    | the lease's owner | SENDING: tried again           | final, and the report is   |
|           |                   |           |                   |                                | in the same transaction    |
| SENDING   | `put_off`         | WAITING   | the lease's owner | SENDING                        | due then, not counted      |
| SENDING   | `release`         | WAITING   | a worker that     | SENDING                        | due at once                |
|           |                   |           | stops, or starts  |                                |                            |
| WAITING   | `retry`           | WAITING   | a person          | as before                      | due at once                |
| WAITING,  | `cancel`          | CANCELLED | a person          | as before                      | final; what a worker       |
| SENDING   |                   |           |                   |                                | records later is ignored   |

`record` may come twice, and late: a final result counts whoever holds the lease, a delay only from its owner. A report
is made by exactly those transactions that bring a recipient to FAILED, so none is lost and none is made twice.
Where the RFC allows a choice: RFC 5321 §4.5.4.1 (retry), §6.1 (responsibility), RFC 3464.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from pillarbox.core.arrival import Arrival
from pillarbox.core.bounce import Bounces, Failure
from pillarbox.core.content import StoredContent
from pillarbox.core.passports import Passports
from pillarbox.core.queue_put import QueuePut, QueueSettings
from pillarbox.core.trace import Numbers
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.errors import NotFound, OverQuota
from pillarbox.model.ids import SYSTEM_ACCOUNT, AccountId, QueueId
from pillarbox.model.passport import Dialogue, PassportEntry, Step
from pillarbox.model.ports import Clock, Random
from pillarbox.model.queued import QueuedMessage, QueuedRecipient, RecipientState
from pillarbox.store import contents as content_rows
from pillarbox.store import queue as rows
from pillarbox.store.base import Blobs, Database, Transaction
from pillarbox.store.queue import Outcome
