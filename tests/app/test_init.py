"""`pillarbox init`: a folder that is complete, or none; a file that tells its own settings."""

import os
import ssl
import stat
import tomllib

import msgspec
import pytest

from pillarbox.app import config, config_text
from pillarbox.app.config import Configuration, ConfigurationError
from pillarbox.model.limits import Limits
from servers import Refusal, command


def init(folder, *words: str) -> str:
    return command("init", str(folder), "--hostname", "mail.uni.test", "--domain", "uni.test", *words)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("init") / "a" / "data"
    init(
        folder, "--domain", "Second.Test", "--listen", "127.0.0.2", "--port-base", "20000", "--set",
        "dns.nameservers=127.0.0.1:5353,[::1]:53", "--set", "relay.port=2525", "--set", "relay.retry_seconds=2", "--set",
        "relay.expire_seconds=60", "--set", "limits.account_octets=1000", "--set", "routes.far.test=127.0.0.1:2526",
    )  # fmt: skip
    return folder


def test_every_choice_stands_in_the_file(made):
    found = config.load(made)
    assert found.server.hostname == "mail.uni.test"
    assert found.server.domains == ["uni.test", "Second.Test"]
    assert found.server.listen == "127.0.0.2"
    assert found.dns.nameservers == ["127.0.0.1:5353", "[::1]:53"]
    assert found.relay.port == 2525
    assert config.retry_seconds(found.relay)[0] == 2
    assert found.relay.expire_seconds == 60
    assert found.limits.account_octets == 1000
    assert found.routes == {"far.test": "127.0.0.1:2526"}
    ports = {name: found.port(name) for name in config.PORT_OFFSETS}
    assert ports == {
        "mx": 20025, "submissions": 20465, "submission": 20587, "imap": 20143, "imaps": 20993, "http": 20080, "https": 20443
    }  # fmt: skip


def test_the_base_is_0_and_the_address_loopback_by_default(tmp_path):
    init(tmp_path / "data")
    found = config.load(tmp_path / "data")
    assert (found.server.listen, found.port("mx"), found.port("https")) == ("127.0.0.1", 25, 443)


def test_the_domains_are_served_and_names_are_lower_case(made):
    assert command("domain", "list", "--data", str(made)) == "second.test\nuni.test\n"


def test_what_is_secret_is_its_owners(made):
    modes = {name: stat.S_IMODE((made / name).stat().st_mode) for name in (".", "pillarbox.toml", "tls/server.key")}
    assert modes == {".": 0o700, "pillarbox.toml": 0o600, "tls/server.key": 0o600}


def test_the_certificate_is_good_for_the_names_and_the_address(made):
    found = ssl._ssl._test_decode_cert(str(made / "tls/server.crt"))
    names = {value for _, value in found["subjectAltName"]}
    assert {"mail.uni.test", "uni.test", "localhost", "127.0.0.2"} <= names


def test_the_file_has_a_comment_above_every_setting_and_says_the_defaults(made):
    lines = (made / "pillarbox.toml").read_text().split("\n")
    for section in msgspec.structs.fields(Configuration):
        assert lines.count(f"[{section.name}]") == 1
        if section.name == "routes":
            continue
        start = lines.index(f"[{section.name}]") + 1
        ours = lines[start : start + lines[start:].index("")]
        for field in msgspec.structs.fields(section.type):
            (place,) = [n for n, line in enumerate(ours) if line.removeprefix("# ").startswith(f"{field.name} = ")]
            above = ours[place - 1]
            assert above == f"# {config_text.COMMENTS[f'{section.name}.{field.name}']}"


def test_taking_the_comment_signs_away_changes_nothing():
    """What the file calls a default is the default."""
    document = config_text.new_document(
        hostname="mail.uni.test", domains=["uni.test"], listen="127.0.0.1", port_base=0, settings=[]
    )
    text = config_text.write(document)
    bare = "\n".join(
        line.removeprefix("# ") if " = " in line and line.startswith("# ") else line for line in text.split("\n")
    )
    bare = bare.replace('Domains whose mail goes to a host past the DNS: "example.org" = "192.0.2.1:25".', "")
    everything = tomllib.loads(bare)
    assert set(everything["limits"]) == {field.name for field in msgspec.structs.fields(Limits)}
    assert config.parse(bare, "x") == config.parse(text, "x")


def test_a_folder_with_a_configuration_is_refused_and_left_alone(made):
    before = (made / "pillarbox.toml").read_bytes()
    with pytest.raises(Refusal, match=r"holds a pillarbox\.toml already") as refusal:
        init(made)
    assert refusal.value.status == 1
    assert (made / "pillarbox.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--domain", "no domain"], "server.domains: 'no domain' is no domain name"),
        (["--listen", "nowhere"], "server.listen: 'nowhere' is no IP address"),
        (["--port-base", "65000"], "server.port_base: must be from 0 to 64542"),
        (["--set", "relay"], "write KEY=VALUE"),
        (["--set", "relay=3"], "a key is section.name"),
        (["--set", "relay.prot=3"], "relay: Object contains unknown field `prot`"),
        (["--set", "relay.port=x"], "relay.port: Expected `int`, got `str`"),
        (["--set", "relay.port=0"], "relay.port: must be from 1 to 65535"),
        (["--set", "relay.retry_seconds=-1"], "relay.retry_seconds: must be above 0"),
        (["--set", "relay.expire_seconds=0"], "relay.expire_seconds: must be above 0"),
        (["--set", "relay.smarthost=far.test"], "relay.smarthost: 'far.test' is not host:port"),
        (["--set", "routes.far.test=far"], "routes.far.test: 'far' is not host:port"),
        (["--set", "routes.far test=far:25"], "routes: 'far test' is no domain name"),
        (["--set", "dns.nameservers=127.0.0.1"], "dns.nameservers: '127.0.0.1' is not host:port"),
        (["--set", "dns.nameservers=ns.far.test:53"], "dns.nameservers: 'ns.far.test' is no IP address"),
        (["--set", "limits.parts=-1"], "limits.parts: must not be below 0"),
        (["--set", "limits.password_threads=0"], "limits.password_threads: must be above 0"),
        (["--set", "log.level=loud"], "log.level: Invalid enum value 'loud'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_choice_names_the_key_and_nothing_is_made(tmp_path, words, reason):
    with pytest.raises(Refusal) as refusal:
        init(tmp_path / "data", *words)
    assert refusal.value.status == 1
    assert reason in refusal.value.stderr
    assert refusal.value.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("zero", config.ZERO_IS_NONE)
def test_0_is_none_where_the_limit_says_so(zero):
    text = f'[server]\nhostname = "a.test"\ndomains = ["a.test"]\n[limits]\n{zero} = 0\n'
    assert getattr(config.parse(text, "x").limits, zero) == 0


def test_a_file_that_is_no_toml_is_named_with_the_place():
    with pytest.raises(ConfigurationError, match=r"^pillarbox\.toml: .*line 1"):
        config.parse("[server\n", "pillarbox.toml")
