"""An address book as an AddressBook object (RFC 9610 §2)."""

from pillarbox.grammar.jmap.ids import format_book, parse_book
from pillarbox.model.contact import AddressBook, BookId
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.method import Call, Json

CONTACTS = "urn:ietf:params:jmap:contacts"

PROPERTIES = (
    "id",
    "name",
    "description",
    "sortOrder",
    "isDefault",
    "isSubscribed",
    "shareWith",
    "myRights",
)
SERVER_SET = ("id", "isDefault", "myRights")
DEFAULTS: Json = {"description": None, "sortOrder": 0, "isSubscribed": True, "shareWith": None}


def contacts_capability(limits: Limits) -> Json:
    """RFC 9610 §1.4.1."""
    return {"maxAddressBooksPerCard": None, "mayCreateAddressBook": limits.address_books > 1}


async def state(call: Call) -> str:
    """Of all AddressBooks."""
    return str(await call.mail.address_books.state(call.account.id))


def book_id_of(text: str) -> BookId:
    """0, which no address book has, for what is no id of one."""
    try:
        return BookId(parse_book(text))
    except SyntaxProblem:
        return BookId(0)


def object_of(book: AddressBook) -> Json:
    """All its properties. An owner may do everything, but share it, and remove the default one."""
    return {
        "id": format_book(book.id),
        "name": book.name,
        "description": book.description,
        "sortOrder": book.sort_order,
        "isDefault": book.is_default,
        "isSubscribed": book.subscribed,
        "shareWith": None,
        "myRights": {"mayRead": True, "mayWrite": True, "mayShare": False, "mayDelete": not book.is_default},
    }
