"""Pages with cases: the rules' documentation and ``tests/cases``.

A case is a fenced ``dockerfile`` (or, for a compose file, ``yaml``) block, the same with ``fixed`` behind it where it
changes, and a ``says`` block. Behind the language stand options of the command line, and another kind of file's path. A
``toml lock`` block is the lock file of a run with ``--locked``.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from echo_migrate.cli.settings import catalog_of
from echo_migrate.images.approval import Approval, Exemption
from echo_migrate.images.catalog import Catalog
from echo_migrate.registry import lock
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([*(ROOT / "echo_migrate" / "rules").glob("*.md"), *(ROOT / "tests" / "cases").glob("*.md")])
PATHS = {
    "dockerfile": "Dockerfile",
    "yaml": "compose.yaml",
    "jsonc": "devcontainer.json",
    "hcl": "docker-bake.hcl",
    "sh": "run.sh",
    "tf": "main.tf",
    "makefile": "Makefile",
    "python": "app.py",
    "groovy": "Jenkinsfile",
    "ini": "web.container",
}
ON_REFERENCES = ("floating-tag", "unhardened-image", "unreadable-file", "unresolved-image")
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Case(NamedTuple):
    name: str
    rule: str
    path: str
    options: tuple[str, ...]
    text: str
    fixed: str
    says: list[str]
    lock: str = ""


@cache
def cases(page: Path) -> tuple[Case, ...]:
    """The cases of a page, which a dozen modules ask for as they are collected."""
    return tuple(_cases(page, page.read_text()))


def _cases(page: Path, text: str) -> Iterator[Case]:
    rule = page.stem.replace("_", "-") if page.parent.name == "rules" else ""
    blocks = list(_FENCE.finditer(text))
    starts = [i for i, block in enumerate(blocks) if block[1] in PATHS and block[2].strip() != "fixed"]
    for begin, end in zip(starts, [*starts[1:], len(blocks)], strict=True):
        opening = blocks[begin]
        rest = {(block[1], block[2].strip()): block[3] for block in blocks[begin + 1 : end]}
        line = text.count("\n", 0, opening.start()) + 1
        says = rest.get(("says", ""))
        assert says is not None, f"{page}:{line} has no says block"
        fixed = rest.get((opening[1], "fixed"), opening[3])
        words = opening[2].split()
        yield Case(
            f"{page.stem}:{line}",
            rule,
            next((word for word in words if word[:2] != "--"), PATHS[opening[1]]),
            tuple(word for word in words if word[:2] == "--"),
            opening[3],
            fixed,
            says.splitlines(),
            rest.get(("toml", "lock"), ""),
        )


LOGINS = ("gitlab", "helm", "kubernetes", "kustomize", "python", "terraform")
"""Kinds for which cases have a login set up elsewhere, but for those with an option of their own."""


@cache
def _catalog(provider: str, registry: str, sources: tuple[str, ...]) -> Catalog:
    return catalog_of({"provider": provider, "registry": registry, "mapping": "", "sources": sources})


def settings(case: Case) -> Settings:
    """The settings a case asks for in its fence: the command line's own words."""
    given = dict(option.lstrip("-").partition("=")[::2] for option in case.options)
    sources = tuple(filter(None, given.pop("from", "").split(",")))
    known = _catalog(given.pop("provider", "echo"), given.pop("registry", ""), sources)
    pinned = given.pop("pin", None) is not None
    if case.lock:
        known = known._replace(answers=lock.answers(lock.parse("lock", f"version = 1\n[images]\n{case.lock}"), pinned))
    today = given.pop("today", "2026-11-24")
    images = frozenset(filter(None, given.pop("image", "").split(",")))
    selected = given.pop("select", case.rule or ",".join(ON_REFERENCES)).split(",")
    rules = tuple(RULES[name] for name in selected)
    asked = Settings(known, rules, images, "seen-only" in given, True, "unsafe-fixes" in given)
    asked = asked._replace(clusters=True)  # as in a tree with manifests
    variant = given.pop("variant", "auto")
    assert variant in ("auto", "runtime", "dev")
    logins = given.pop("logins", ",".join(LOGINS))
    names = tuple(filter(None, given.pop("approved", "").split(",")))
    excepted = [one.partition("=")[::2] for one in given.pop("exceptions", "").split(",") if one]
    asked = asked._replace(approval=Approval(names, tuple(Exemption(name, "for now", day) for name, day in excepted)))
    asked = asked._replace(today=today, logins=frozenset(filter(None, logins.split(","))))
    asked = asked._replace(variant=variant, add_logins="add-logins" in given)  # type: ignore[arg-type]
    assert set(given) <= {"add-logins", "seen-only", "unsafe-fixes"}, given
    return asked
