"""What was said, in a few words for people: SMTP codes (and which standard has them), verbs, capabilities; IMAP too."""

import msgspec


class Meaning(msgspec.Struct, frozen=True):
    """Words for people, and where the standard has them."""

    words: str
    source: str


REPLY_CODES: dict[int, Meaning] = {
    211: Meaning("system status", "RFC 5321 §4.2.2"),
    214: Meaning("help", "RFC 5321 §4.2.2"),
    220: Meaning("the service is ready", "RFC 5321 §4.2.2"),
    221: Meaning("goodbye", "RFC 5321 §4.2.2"),
    235: Meaning("signed in", "RFC 4954 §6"),
    250: Meaning("done", "RFC 5321 §4.2.2"),
    251: Meaning("not here, but it will be forwarded", "RFC 5321 §3.4"),
    252: Meaning("cannot verify the user, but will try", "RFC 5321 §3.5.3"),
    334: Meaning("a challenge: go on with signing in", "RFC 4954 §6"),
    354: Meaning("send the mail, end with a line of one dot", "RFC 5321 §4.2.2"),
    421: Meaning("the service closes this connection", "RFC 5321 §3.8"),
    432: Meaning("a password transition is needed", "RFC 4954 §6"),
    450: Meaning("mailbox unavailable for now", "RFC 5321 §4.2.2"),
    451: Meaning("local error, try again", "RFC 5321 §4.2.2"),
    452: Meaning("insufficient storage, or too many recipients", "RFC 5321 §4.2.2"),
    454: Meaning("temporary authentication failure", "RFC 4954 §6"),
    455: Meaning("cannot honour the parameters now", "RFC 5321 §4.2.2"),
    500: Meaning("syntax error: command not recognised", "RFC 5321 §4.2.2"),
    501: Meaning("syntax error in the parameters", "RFC 5321 §4.2.2"),
    502: Meaning("command not implemented", "RFC 5321 §4.2.4"),
    503: Meaning("bad sequence of commands", "RFC 5321 §4.2.2"),
    504: Meaning("parameter not implemented", "RFC 5321 §4.2.2"),
    521: Meaning("this host takes no mail", "RFC 7504 §3"),
    523: Meaning("encryption is needed first", "RFC 5248 §2.4"),
    530: Meaning("authentication (or TLS) is required", "RFC 4954 §6"),
    534: Meaning("the mechanism is too weak", "RFC 4954 §6"),
    535: Meaning("wrong name or password", "RFC 4954 §6"),
    550: Meaning("mailbox unavailable, or refused by policy", "RFC 5321 §4.2.2"),
    551: Meaning("not here: try the other path", "RFC 5321 §3.4"),
    552: Meaning("over the storage limit", "RFC 5321 §4.2.2"),
    553: Meaning("mailbox name not allowed", "RFC 5321 §4.2.2"),
    554: Meaning("the transaction failed", "RFC 5321 §4.2.2"),
    555: Meaning("MAIL or RCPT parameter not recognised", "RFC 5321 §4.2.2"),
    556: Meaning("the domain takes no mail", "RFC 7504 §4"),
}

VERBS: dict[str, str] = {
    "EHLO": "the client names itself, asks for extensions",
    "HELO": "the client names itself",
    "STARTTLS": "let us encrypt",
    "AUTH": "the client signs in",
    "MAIL": "envelope: who sends",
    "RCPT": "envelope: who receives",
    "DATA": "the content follows",
    "BDAT": "a chunk of content follows",
    "RSET": "forget this envelope",
    "QUIT": "the client is done",
}


CAPABILITIES: dict[str, str] = {
    "PIPELINING": "several commands may come at once",
    "SIZE": "the largest message it takes, in octets",
    "8BITMIME": "content may be more than ASCII",
    "SMTPUTF8": "addresses may be more than ASCII",
    "FUTURERELEASE": "mail can be held here until later",
    "ENHANCEDSTATUSCODES": "replies say more: 2.1.0",
    "HELP": "HELP is answered",
    "STARTTLS": "encryption is offered",
    "AUTH": "ways to sign in",
}

IMAP_VERBS: dict[str, str] = {
    "APPEND": "put a message there",
    "AUTHENTICATE": "the client signs in",
    "CAPABILITY": "what can you do?",
    "EXAMINE": "open a mailbox, to read only",
    "FETCH": "give me messages",
    "GETQUOTA": "how much room is there?",
    "IDLE": "tell me what happens",
    "LIST": "which mailboxes are there?",
    "LOGIN": "the client signs in",
    "LOGOUT": "the client is done",
    "SEARCH": "which messages match?",
    "SELECT": "open a mailbox",
    "SORT": "which messages match, in which order?",
    "STARTTLS": "let us encrypt",
    "STORE": "set flags",
    "THREAD": "which messages match, and who answers whom?",
}

IMAP_RESPONSES: dict[str, str] = {
    "BYE": "goodbye",
    "CAPABILITY": "what the server can do",
    "EXISTS": "so many messages are in it",
    "FETCH": "a message, or facts about it",
    "FLAGS": "the flags it knows",
    "QUOTA": "how much room is taken, and how much there is",
    "RECENT": "so many are new",
    "SEARCH": "which ones match",
    "SORT": "which ones match, in their order",
    "THREAD": "who answers whom",
    "[MAILBOXID": "a name that stays when the mailbox gets another",
    "[PERMANENTFLAGS": "flags that are kept",
    "[UIDNEXT": "the UID that comes next",
    "[UIDVALIDITY": "UIDs mean the same while this number stays",
    "[UNSEEN": "the first that nobody has read",
}

IMAP_OUTCOMES: dict[str, str] = {"OK": "done", "NO": "refused", "BAD": "not understood"}


def explain_reply(text: str) -> str:
    """A few words on a reply line such as `250 2.1.0 Ok`; empty when it is none, or its continuation."""
    if len(text) < 3 or not text[:3].isdigit() or text[3:4] == "-":
        return ""
    meaning = REPLY_CODES.get(int(text[:3]))
    return "" if meaning is None else meaning.words


def explain_command(text: str) -> str:
    """A few words on a command line; empty when there is nothing to say."""
    return VERBS.get(text.split(" ", 1)[0].upper(), "")


def explain_capability(text: str) -> str:
    """A few words on a line of the answer to EHLO, such as `250-SIZE 50000000`."""
    return CAPABILITIES.get(text[4:].split(" ", 1)[0].upper(), "")


def explain_imap_command(text: str) -> str:
    """A few words on `a6 UID FETCH 1 (BODY[])`."""
    words = [word.upper() for word in text.split(" ", 3)[1:]]
    verb = words[1] if words[:1] == ["UID"] and len(words) > 1 else "".join(words[:1])
    return IMAP_VERBS.get(verb, "")


def explain_imap_response(text: str) -> str:
    """A few words on `* 1 EXISTS` or `a5 OK [READ-WRITE] SELECT completed`."""
    words = text.split(" ", 3)
    if words[0] == "+":
        return "go on"
    if words[0] != "*":
        return IMAP_OUTCOMES.get("".join(words[1:2]).upper(), "")
    return next((IMAP_RESPONSES[word] for word in words[1:3] if word in IMAP_RESPONSES), "")
