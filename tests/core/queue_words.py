"""What a worker of the queue says and sees, in short."""

from office import Office, address
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.ids import SYSTEM_ACCOUNT
from pillarbox.model.queued import QueuedMessage, RecipientState


def relayed(who: str | Address) -> DeliveryStatus:
    return DeliveryStatus(_address(who), Action.RELAYED, "2.0.0", "250 2.0.0 taken", "mx.far.test")


def delayed(who: str | Address) -> DeliveryStatus:
    return DeliveryStatus(_address(who), Action.DELAYED, "4.2.1", "450 4.2.1 later", "mx.far.test")


def failed(who: str | Address) -> DeliveryStatus:
    return DeliveryStatus(_address(who), Action.FAILED, "5.1.1", "550 5.1.1 nobody", "mx.far.test")


def _address(who: str | Address) -> Address:
    return address(who) if isinstance(who, str) else who


async def states(office: Office) -> dict[str, RecipientState]:
    return {str(one.address): one.state for message in await office.mail.queue.list() for one in message.recipients}


async def claim_one(office: Office) -> QueuedMessage:
    (message,) = await office.mail.queue.claim()
    return message


def names(message: QueuedMessage) -> list[str]:
    return [str(one.address) for one in message.recipients]


async def held_contents(office: Office) -> int:
    return await office.database.value(
        SYSTEM_ACCOUNT, "select count(*) from blob_ref where kind = 2 and released is null"
    )
