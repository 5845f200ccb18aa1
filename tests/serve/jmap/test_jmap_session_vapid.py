"""Who changes the key that push services know us by is another server to clients (RFC 9749 §3, §5)."""

from jmap_site import Site

from pillarbox.model.limits import Limits
from pillarbox.serve.jmap.session_object import session_of


def test_another_key_is_another_state(site: Site):
    one, other = (
        session_of(Limits(), site.account, "https://mail.uiowa.test", bytes((octet,)) * 48) for octet in (7, 8)
    )
    assert one["capabilities"].keys() == other["capabilities"].keys()
    assert one["state"] != other["state"]
