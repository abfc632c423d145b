"""What a rule is, what it is asked with, and what a run was asked for."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from echo_migrate.files.patterns import matcher
from echo_migrate.files.source import Source
from echo_migrate.files.unedited import Unedited, unedited
from echo_migrate.images.catalog import Catalog
from echo_migrate.model import Finding, Ignore, Image, Level, Migration
from echo_migrate.rules._readiness import EffectiveBase, EffectiveBases, root_of

Check = Callable[[Any, "Context"], Iterable[Finding]]


class Rule(NamedTuple):
    """A check of one type of node (``on`` can be a union of them). ``also`` holds the names of other linters for it,
    ``former`` the ids that it had, which configurations and comments still may have."""

    id: str
    on: Any
    check: Check
    level: Level
    also: tuple[str, ...]
    summary: str
    fixable: bool
    default: bool
    blocks: bool = False
    former: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names that it is called by."""
        return (self.id, *self.former, *self.also)

    @property
    def kinds(self) -> tuple[type, ...]:
        """The types of nodes that it is asked about."""
        return getattr(self.on, "__args__", (self.on,))


def rule(
    on: Any,
    level: Level,
    also: tuple[str, ...] = (),
    fixable: bool = False,
    default: bool = True,
    blocks: bool = False,
    former: tuple[str, ...] = (),
) -> Callable[[Check], Rule]:
    """Make a generator of findings a rule: its id is its file's name, its summary the file's docstring.

    ``on`` is the type of node, or a union of several. The errors of a rule that ``blocks`` make the move of the image
    that the node stands on unsafe, whatever was selected.
    """

    def register(check: Check) -> Rule:
        import sys

        module = check.__module__
        summary = (sys.modules[module].__doc__ or "").strip().partition("\n")[0]
        id = module.rpartition(".")[2].replace("_", "-")
        return Rule(id, on, check, level, also, summary, fixable, default, blocks, former)

    return register


def moving(move: Migration) -> str:
    """Return what a finding says of an image that could move: where to, if it can, and the first reason why not as it
    is."""
    target = f" -> {move.target}" if move.edits else ""
    if not move.reasons:
        return move.image.shown + target
    first, *more = move.reasons
    rest = f" (+{len(more)} more)" if more else ""
    return f"{move.image.shown}{target}: {first.message}{rest}"


class Settings(NamedTuple):
    """What a run was asked for. ``images`` limits the moves to these upstream names, ``apply`` applies the safe fixes,
    and ``unsafe`` with it the others. ``targets`` are the stages that files of the run build, by their Dockerfile.
    ``today`` is an ISO date. ``file_ignores`` are globs of files with the ids of rules that are left out there,
    ``levels`` those that the user gave rules; ``named`` are the paths that the user named, ``include`` globs of files
    to edit although nobody does; ``logins`` are kinds of files for which a login is set up elsewhere;
    ``variant`` is the form of an image to move to, where a vendor has several (auto: the one that the stage needs)."""

    catalog: Catalog
    rules: tuple[Rule, ...]
    images: frozenset[str] = frozenset()
    seen_only: bool = False
    apply: bool = False
    unsafe: bool = False
    targets: Mapping[str, frozenset[str]] = MappingProxyType({})
    today: str = ""
    file_ignores: tuple[tuple[str, frozenset[str]], ...] = ()
    levels: Mapping[str, Level] = MappingProxyType({})
    named: tuple[str, ...] = (".",)
    include: tuple[str, ...] = ()
    logins: frozenset[str] = frozenset()
    variant: Literal["auto", "runtime", "dev"] = "auto"

    def unedited(self, source: Source) -> Unedited | None:
        """Return why nobody edits a file by hand, unless it was named or included."""
        if self.include and any(_matcher(glob)(source.path, os.path.dirname(source.path)) for glob in self.include):
            return None
        return unedited(source.path, source.text, self.named)

    def within(self, path: str) -> "Settings":
        """Return the settings that hold for a file."""
        if not self.file_ignores:
            return self
        root = os.path.dirname(path)
        ignored = {id for glob, ids in self.file_ignores if _matcher(glob)(path, root) for id in ids}
        return self._replace(rules=tuple(rule for rule in self.rules if rule.id not in ignored))


_matcher = lru_cache(lambda glob: matcher([glob]))


class Context(NamedTuple):
    """What a rule may ask beside its node. ``used`` are the ignore comments that silenced something (known to rules on
    ``Ignore``, which are asked last); rules that block are asked before the moves are known."""

    source: Source
    settings: Settings
    moves: dict[Image, Migration]
    used: set[Ignore] = set()  # noqa: RUF012 - given where it is asked for
    effective_bases: EffectiveBases = EffectiveBases()

    def effective(self, node: Any) -> EffectiveBase | None:
        """Return what a stage or container stands on; None where no image of the file is it."""
        image = root_of(node, self.effective_bases)
        return self.effective_bases.get(image) if image else None
