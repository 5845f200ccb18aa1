"""Does a worker's part with what is due: people here get their mail, other servers say what the test lets them say."""

from msgspec.structs import replace

from office import Office
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.queued import QueuedMessage

TAKEN = DeliveryStatus(None, Action.RELAYED, "2.0.0", "250 2.0.0 taken", "mx.far.test")  # type: ignore[arg-type]
LATER = replace(TAKEN, action=Action.DELAYED, status="4.2.1", diagnostic="450 4.2.1 later")
NOBODY = replace(TAKEN, action=Action.FAILED, status="5.1.1", diagnostic="550 5.1.1 nobody")


async def run_queue(office: Office, answer: DeliveryStatus = TAKEN) -> list[QueuedMessage]:
    """Work off all that is due now; what was claimed."""
    worked = []
    while claimed := await office.mail.queue.claim():
        for message in claimed:
            await finish(office, message, answer)
        worked += claimed
    return worked


async def finish(office: Office, message: QueuedMessage, answer: DeliveryStatus = TAKEN) -> None:
    """Do what is to be done with one message that was claimed."""
    here, queue = office.mail.queued_delivery, office.mail.queue
    for one in message.recipients:
        is_here = here.is_local(one.address)
        status = await here.deliver(message, one) if is_here else replace(answer, recipient=one.address)
        await queue.record(message.id, [status], None)
