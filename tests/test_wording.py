"""What people read is short and in plain words: messages, help, pages of rules, documentation."""

import re
from pathlib import Path

import click
import pytest

from echo_migrate import cli
from echo_migrate.rules import RULES, page
from tests.pages import PAGES, cases
from tests.test_reasons import AVOIDED, LONGEST

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "action.yml")]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_messages_are_short_and_plain(path: Path) -> None:
    for case in cases(path):
        for line in case.says:
            _, rule, message = line.split(" ", 2)
            assert rule in RULES
            assert len(message) <= LONGEST, line
            assert not AVOIDED.search(message), line
            assert not message.endswith("."), line


@pytest.mark.parametrize("command", cli.cli.commands.values(), ids=cli.cli.commands)
def test_help_is_short_and_plain(command: click.Command) -> None:
    assert len(command.get_short_help_str(100)) <= 45
    context = click.Context(command, info_name=command.name)
    assert not AVOIDED.search(command.get_help(context))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_are_plain(path: Path) -> None:
    assert not AVOIDED.findall(_CODE.sub("", path.read_text()))


@pytest.mark.parametrize("id", RULES)
def test_pages_of_rules_are_plain_and_their_summary_is_the_rules(id: str) -> None:
    text = page(id).partition("\n## Cases\n")[0]
    assert not AVOIDED.findall(_CODE.sub("", text))
    assert text.splitlines()[2] == RULES[id].summary
