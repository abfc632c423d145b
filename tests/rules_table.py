"""The tables in documents that are made of the program's own: ``python -m tests.rules_table`` writes them anew.

The documentation has the rules; the page of the central rule has the reasons why a reference does not move.
"""

import re
from collections.abc import Callable
from pathlib import Path

from echo_migrate.model.reasons import table
from echo_migrate.rules import RULES

ROOT = Path(__file__).parent.parent


def _rules() -> str:
    """Return the table of rules, a line a rule."""
    head = "| rule | level | fixes | default | also | |\n|---|---|---|---|---|---|\n"
    rows = [
        f"| `{rule.id}` | {rule.level} | {'yes' if rule.fixable else ''} | {'on' if rule.default else 'off'} | "
        f"{' '.join(rule.also)} | {rule.summary} |"
        for rule in RULES.values()
    ]
    return head + "\n".join(rows)


def _reasons() -> str:
    """Return the table of reasons, a line a reason."""
    lifts = {"online": "the registry", "proof": "a build", "login": "a login", "edit": "an edit", "": ""}
    head = "| reason | message | what to do | lifted by |\n|---|---|---|---|\n"
    rows = [
        re.sub(r"\{(\w+)\}", r"*\1*", f"| `{id}` | {row.message} | {row.remedy} | {lifts[row.lift]} |")
        for id, row in table().items()
    ]
    return head + "\n".join(rows)


TABLES: dict[Path, tuple[str, Callable[[], str]]] = {
    ROOT / "docs" / "rules" / "index.md": ("<!-- rules -->\n", _rules),
    ROOT / "echo_migrate" / "rules" / "unhardened_image.md": ("<!-- reasons -->\n", _reasons),
}


def renewed(path: Path) -> str:
    """Return a document with its table as it is now."""
    begin, table = TABLES[path]
    before, mark, behind = path.read_text().partition(begin)
    return before + mark + table() + "\n\n" + behind.partition("\n\n")[2]


if __name__ == "__main__":
    for path in TABLES:
        path.write_text(renewed(path))
