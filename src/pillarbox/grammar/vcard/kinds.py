"""What vCard and JSContact call the same things: the tables that reading and writing share (RFC 9555 §2)."""

NAME_KINDS = ("surname", "given", "given2", "title", "credential", "surname2", "generation")
"""The components of N, in their order (RFC 9554 §2.2, RFC 9555 §2.5.5)."""

ADDRESS_KINDS = (
    "postOfficeBox",
    "apartment",
    "name",
    "locality",
    "region",
    "postcode",
    "country",
    "room",
    "apartment",
    "floor",
    "number",
    "name",
    "building",
    "block",
    "subdistrict",
    "district",
    "landmark",
    "direction",
)
"""The components of ADR, in their order (RFC 9554 §2.1, RFC 9555 §2.6.1)."""
EXTENDED, STREET, FIRST_NEW = 1, 2, 7
"""Where older programs look for what the newer components say apart."""
EXTENDED_KINDS = ("room", "floor", "apartment", "building")
STREET_KINDS = ("number", "name", "block", "direction", "landmark", "subdistrict", "district")

CONTEXTS = {"home": "private", "work": "work"}
FEATURES = {
    "cell": "mobile",
    "fax": "fax",
    "main-number": "main-number",
    "pager": "pager",
    "text": "text",
    "textphone": "textphone",
    "video": "video",
    "voice": "voice",
}
"""RFC 9555 §2.7.6."""

RESOURCES = {
    "SOURCE": ("directories", "ENTRY", "entry"),
    "ORG-DIRECTORY": ("directories", "DIRECTORY", "directory"),
    "PHOTO": ("media", "PHOTO", "photo"),
    "LOGO": ("media", "LOGO", "logo"),
    "SOUND": ("media", "SOUND", "sound"),
    "URL": ("links", "LINK", ""),
    "CONTACT-URI": ("links", "CONTACT", "contact"),
    "KEY": ("cryptoKeys", "KEY", ""),
    "CALURI": ("calendars", "CAL", "calendar"),
    "FBURL": ("calendars", "FBURL", "freeBusy"),
}
"""Property, the beginning of its keys, and the kind; by what vCard calls it."""

INFOS = {"EXPERTISE": "expertise", "HOBBY": "hobby", "INTEREST": "interest"}
LEVELS = {"beginner": "low", "average": "medium", "expert": "high"}
"""Of EXPERTISE (RFC 9555 §2.3.11)."""
DATES = {"BDAY": "birth", "DEATHDATE": "death", "ANNIVERSARY": "wedding"}
PLACES = {"BIRTHPLACE": "birth", "DEATHPLACE": "death"}

LABELLED = (
    "emails",
    "phones",
    "onlineServices",
    "links",
    "media",
    "calendars",
    "cryptoKeys",
    "directories",
    "schedulingAddresses",
    "personalInfo",
)
"""Whose members may have a label of their owner's (RFC 9553 §1.5.3)."""
