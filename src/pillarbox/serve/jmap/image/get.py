"""RemoteImage/get: for the URLs of pictures, addresses of ours that may be shown in their place. Nothing is fetched."""

from datetime import UTC, datetime

from pillarbox.grammar.jmap.dates import format_utc
from pillarbox.model.errors import SyntaxProblem
from pillarbox.serve.jmap.image.address import format_path
from pillarbox.serve.jmap.method import AccountArguments, Call, Json, Method, Problem
from pillarbox.serve.jmap.own import OWN
from pillarbox.serve.jmap.standard.get import checked_ids


class RemoteImageGet(AccountArguments, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The ids are URLs, as the message has them."""

    ids: list[str]


async def get(call: Call, arguments: RemoteImageGet) -> Json:
    """What is no URL that can be fetched is not found."""
    account_id = call.check_account(arguments.account_id)
    images = call.mail.remote_images
    if not images.is_on:
        raise Problem("forbidden", "this server fetches no pictures")
    ids = checked_ids(call, arguments.ids) or []
    found: dict[str, Json] = {}
    for id in ids:
        try:
            signed = images.sign(account_id, id)
        except SyntaxProblem:
            continue
        expires = format_utc(datetime.fromtimestamp(signed.expires, UTC))
        found[id] = {"id": id, "url": f"{call.base_url}{format_path(signed)}", "expires": expires}
    return {
        "accountId": arguments.account_id,
        "list": list(found.values()),
        "notFound": [id for id in ids if id not in found],
    }


METHODS = (Method("RemoteImage/get", OWN, RemoteImageGet, get),)
