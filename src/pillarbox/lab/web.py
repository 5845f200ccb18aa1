"""The last scene, and an invitation: Bob's mail over HTTP, by JMAP (RFC 8620, RFC 8621)."""

import json
import shlex
from typing import Any

import httpx

from pillarbox.lab.scene import PlayFailed, Scene
from pillarbox.lab.stage import Site
from pillarbox.wire.tls import verifying_context

USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
TIMEOUT_SECONDS = 10.0
LISTED = ["receivedAt", "from", "subject", "preview"]


def newest(account_id: str) -> dict[str, Any]:
    """The request for the ten newest messages: one method finds them, the next gets what the first found."""
    query = {"accountId": account_id, "sort": [{"property": "receivedAt", "isAscending": False}], "limit": 10}
    found = {"resultOf": "found", "name": "Email/query", "path": "/ids"}
    get = {"accountId": account_id, "#ids": found, "properties": LISTED}
    return {"using": USING, "methodCalls": [["Email/query", query, "found"], ["Email/get", get, "got"]]}


async def read_over_http(site: Site, subject: str) -> tuple[Scene, str]:
    """Sign in, ask for the session, then for the newest messages; the scene, and the account's id. Raises: PlayFailed."""
    person = site.person
    context = verifying_context(site.folder / "tls/server.crt")
    host = f"{site.hostname}:{site.port('https')}"
    try:
        async with httpx.AsyncClient(
            base_url=f"https://{site.listen}:{site.port('https')}", verify=context, timeout=TIMEOUT_SECONDS,
            headers={"Host": host}, auth=(str(person.address), person.password), trust_env=False,
        ) as client:  # fmt: skip
            name = {"sni_hostname": site.hostname}
            session = (await client.get("/.well-known/jmap", extensions=name, follow_redirects=True)).json()
            account_id = str(session["primaryAccounts"][USING[1]])
            asked = newest(account_id)
            path = httpx.URL(session["apiUrl"]).raw_path.decode()
            answer = (await client.post(path, json=asked, extensions=name)).json()
    except (httpx.HTTPError, KeyError, ValueError) as problem:
        raise PlayFailed(f"{host} does not answer over HTTP: {problem}") from problem
    responses = answer.get("methodResponses", [])
    listed = responses[-1][1].get("list", []) if responses else []
    if not any(one.get("subject") == subject for one in listed):
        raise PlayFailed(f"the message is not listed over HTTP: {responses}")
    scene = Scene(
        f"   or by HTTP: {person.name}'s browser asks with JMAP",
        words=(
            f"port {site.port('https')} is for HTTPS; one request asks for the newest messages and for what they hold",
        ),
        shown="\n".join(
            [
                f"POST {path} HTTP/1.1   (to {host})",
                *(f"→ {_line(call)}" for call in asked["methodCalls"]),
                *(f"← {_line(response)}" for response in responses),
            ]
        ),
    )
    return scene, account_id


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def curl_line(site: Site, account_id: str) -> str:
    """The same for a shell."""
    words = [
        "curl", "-s", "-u", f"{site.person.address}:{site.person.password}", "-H", "Content-Type: application/json",
        "-d", json.dumps(newest(account_id)), f"http://{site.listen}:{site.port('http')}/jmap/api",
    ]  # fmt: skip
    return shlex.join(words)
