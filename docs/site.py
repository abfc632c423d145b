"""Build the documentation's site, strictly: ``python docs/site.py`` writes it to build/docs/site.

The pages are those of docs/, a page for each rule from beside the rule, and the documents of the project's top level.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from echo_migrate.rules import RULES, SITE, page

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "docs"
PAGES = (
    *("getting-started", "what-moves", "safe-and-unsafe", "hardened-images", "commands", "configuration", "ci"),
    *(
        "pull-requests",
        "online",
        "proof",
        "compare",
        "report",
        "fleet",
        "editors",
        "agents",
        "api",
        "plugins",
        "limits",
    ),
)
PROJECT = {"SECURITY.md": "security.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_FENCE = re.compile(r"(?m)^```([\w-]+) (.+)$")
_SAYS = re.compile(r"(?m)^```says$")
_ROW = re.compile(r"(?m)^\| `([a-z-]+)` \|")


def assemble() -> None:
    """Write the pages and the settings that the site is made of."""
    shutil.rmtree(BUILD, ignore_errors=True)
    pages = BUILD / "pages"
    shutil.copytree(ROOT / "docs", pages, ignore=shutil.ignore_patterns("*.py", "*.toml", "__pycache__"))
    for source, target in PROJECT.items():
        (pages / target).write_text((ROOT / source).read_text())
    index = pages / "rules" / "index.md"
    index.write_text(_ROW.sub(r"| [`\1`](\1.md) |", index.read_text()))
    for id in RULES:
        (pages / "rules" / f"{id}.md").write_text(titled(page(id)))
    rules = ["rules/index.md", *(f"rules/{id}.md" for id in RULES)]
    nav = ["index.md", *(f"{name}.md" for name in PAGES), {"Rules": rules}, {"Project": [*PROJECT.values()]}]
    settings = (ROOT / "docs" / "site.toml").read_text()
    added = f'[project]\nsite_url = "{SITE}/"\nnav = {inline(nav)}\n'
    (BUILD / "zensical.toml").write_text(settings.replace("[project]\n", added, 1))


def titled(text: str) -> str:
    """Return a rule's page with the words behind a fence's language as the title of the block."""
    text = _FENCE.sub(lambda found: f"```{found[1]} title={json.dumps(found[2])}", text)
    return _SAYS.sub('```text title="findings"', text)


def inline(value: object) -> str:
    """Return lists, tables and texts as TOML has them in a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(one)}" for key, one in value.items()) + "}"
    return f"[{', '.join(map(inline, value))}]" if isinstance(value, list) else json.dumps(value)


if __name__ == "__main__":
    assemble()
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", str(BUILD / "zensical.toml")],
        cwd=BUILD,
        check=False,
    )
    sys.exit(built.returncode)
