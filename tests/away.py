"""Somebody goes away, on a server that runs as its own process."""

import base64
import imaplib
import json
import urllib.request

from servers import PASSWORD, Pillarbox

VACATION = "urn:ietf:params:jmap:vacationresponse"
CORE = "urn:ietf:params:jmap:core"


def go_away(server: Pillarbox, who: str, **properties: object) -> dict:
    """VacationResponse/set of one account."""
    base = f"http://127.0.0.1:{server.port('http')}"
    login = {"Authorization": "Basic " + base64.b64encode(f"{who}:{PASSWORD}".encode()).decode()}
    with urllib.request.urlopen(urllib.request.Request(f"{base}/jmap/session", headers=login), timeout=10) as answer:
        account = json.load(answer)["primaryAccounts"][VACATION]
    arguments = {"accountId": account, "update": {"singleton": {"isEnabled": True, **properties}}}
    body = json.dumps({"using": [CORE, VACATION], "methodCalls": [["VacationResponse/set", arguments, "c"]]}).encode()
    request = urllib.request.Request(
        f"{base}/jmap/api", data=body, headers={**login, "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        ((_, value, _),) = json.load(answer)["methodResponses"]
    return value


def inbox(server: Pillarbox, who: str) -> list[bytes]:
    with imaplib.IMAP4(server.listen, server.port("imap"), timeout=30) as client:
        client.login(who, PASSWORD)
        client.select("INBOX", readonly=True)
        _, answer = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
        return [item[1] for item in answer if isinstance(item, tuple)]
