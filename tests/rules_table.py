"""The README's table of rules, made of the rules: ``python -m tests.rules_table`` writes it anew."""

from pathlib import Path

from echo_migrate.rules import RULES

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- rules -->\n", "\n\n"


def table() -> str:
    """Return the table, a line a rule."""
    head = "| rule | level | fixes | default | also | |\n|---|---|---|---|---|---|\n"
    rows = [
        f"| `{rule.id}` | {rule.level} | {'yes' if rule.fixable else ''} | {'on' if rule.default else 'off'} | "
        f"{' '.join(rule.also)} | {rule.summary} |"
        for rule in RULES.values()
    ]
    return head + "\n".join(rows)


def renewed(text: str) -> str:
    """Return the README with the table as it is now."""
    before, mark, behind = text.partition(BEGIN)
    return before + mark + table() + END + behind.partition(END)[2]


if __name__ == "__main__":
    README.write_text(renewed(README.read_text()))
