"""Every setting and every command stands in the manual, and the manual has no others."""

import re
import tomllib

import msgspec
import typer.main

from pillarbox.admin.command import app
from pillarbox.app.config import Configuration
from pillarbox.app.config_text import COMMENTS
from places import ROOT

MANUAL = ROOT / "docs/manual"
SETTING = re.compile(r"^\| `(\w+\.[\w.]+)` \| (.+?) \| (.+?) \| (.+?) \|$", re.M)
COMMAND = re.compile(r"^###? `pillarbox([a-z ]*)[^`]*`$", re.M)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def settings() -> dict[str, object]:
    """Each setting with its default; what has none is the NODEFAULT of msgspec."""
    found: dict[str, object] = {}
    for section in msgspec.structs.fields(Configuration):
        if section.name == "routes":
            found["routes.DOMAIN"] = msgspec.NODEFAULT
            continue
        for field in msgspec.structs.fields(section.type):
            made = field.default_factory is not msgspec.NODEFAULT
            found[f"{section.name}.{field.name}"] = field.default_factory() if made else field.default
    return found


def rows() -> dict[str, tuple[str, str, str]]:
    return {
        key: (default, unit, words)
        for key, default, unit, words in SETTING.findall((MANUAL / "settings.md").read_text())
    }


def test_every_setting_stands_in_the_manual_and_no_other():
    assert set(rows()) == set(settings())


def test_the_manual_has_the_defaults_as_they_are():
    written = rows()
    for key, default in settings().items():
        text = written[key][0]
        if default is msgspec.NODEFAULT:
            assert text == "–", key
            continue
        (value,) = re.findall(r"^`(.*)`$", text)
        expected = list(default) if isinstance(default, tuple) else default
        assert tomllib.loads(f"value = {value}")["value"] == expected, key


def test_the_manual_has_the_unit_that_the_name_has():
    for key, (_, unit, words) in rows().items():
        for word in ("seconds", "octets"):
            if key.endswith(f"_{word}"):
                assert unit == word, key
        assert unit.strip(), key
        assert words.strip(), key


def test_every_setting_has_a_comment_for_the_file():
    """`init` writes them into pillarbox.toml."""
    assert {key for key in settings() if key != "routes.DOMAIN"} - set(COMMENTS) == set()


def commands() -> dict[str, set[str]]:
    """Each command with its options, groups too."""
    found: dict[str, set[str]] = {}

    def walk(command, words: tuple[str, ...]) -> None:
        options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
        found[" ".join(words)] = options - {"--help"}
        for name, child in getattr(command, "commands", {}).items():
            walk(child, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


def sections() -> dict[str, str]:
    """The manual's text on each command."""
    text = (MANUAL / "commands.md").read_text()
    found = list(COMMAND.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {match[1].strip(): text[match.start() : end] for match, end in zip(found, ends, strict=True)}


def test_every_command_has_a_section_in_the_manual_and_nothing_else_has():
    groups = {"account", "token", "alias", "domain", "queue"}  # whose own help says it all
    assert set(sections()) == set(commands()) - groups


def test_every_option_stands_in_its_command_s_section_and_no_other():
    known = commands()
    of_mail = known["mail"]
    for name, text in sections().items():
        written = set(OPTION.findall(text)) - {"--help"}
        others = of_mail if name.startswith("mail") else set()
        assert known[name] - written == set(), name
        assert written - known[name] - others == set(), name


def test_every_page_of_the_manual_is_linked_and_every_link_leads_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    led_to = set()
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"", page.read_text()):
            path = (page.parent / (target[0] or target[1])).resolve()
            assert path.exists(), f"{page.relative_to(ROOT)}: {target}"
            led_to.add(path)
    assert set(MANUAL.glob("*.md")) - led_to == set()
