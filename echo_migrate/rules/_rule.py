"""The interface of rules: a rule, the settings of a run, and the context that a rule receives."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.named import inside
from echo_migrate.files.patterns import matcher
from echo_migrate.files.source import Source
from echo_migrate.files.tree import absolute
from echo_migrate.images.catalog import Catalog
from echo_migrate.model import Finding, Ignore, Image, Level, Migration
from echo_migrate.model.reasons import Reason
from echo_migrate.rules._readiness import EffectiveBase, EffectiveBases

if TYPE_CHECKING:
    from echo_migrate.files.unedited import Unedited
    from echo_migrate.images.approval import Approval

Check = Callable[[Any, "Context"], Iterable[Finding]]


class Rule(NamedTuple):
    """A check of one type of node, or of several if ``on`` is a union. ``also`` are the ids of the same check in other
    linters, ``former`` its own former ids, which configurations and ignore comments may still use."""

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
        """All ids that are accepted for it."""
        return (self.id, *self.former, *self.also)

    @property
    def kinds(self) -> tuple[type, ...]:
        """The types of nodes that it checks."""
        return getattr(self.on, "__args__", (self.on,))


ByKind = Mapping[type, tuple[Rule, ...]]
"""Rules by the type of node that they check."""


def by_kind(rules: Iterable[Rule]) -> ByKind:
    """Return the rules for each type of node."""
    found: dict[type, tuple[Rule, ...]] = {}
    for rule in rules:
        found |= {kind: (*found.get(kind, ()), rule) for kind in rule.kinds}
    return found


def rule(
    on: Any,
    level: Level,
    also: tuple[str, ...] = (),
    fixable: bool = False,
    default: bool = True,
    blocks: bool = False,
    former: tuple[str, ...] = (),
) -> Callable[[Check], Rule]:
    """Return a decorator that makes a generator of findings a rule. Its id is that of its module, and its summary the
    first line of the module's docstring.

    ``on`` is the type of node, or a union of several. If the rule ``blocks``, its errors make the migration of the
    node's base image unsafe, whether it is selected or not.
    """

    def register(check: Check) -> Rule:
        import sys

        module = check.__module__
        summary = (sys.modules[module].__doc__ or "").strip().partition("\n")[0]
        id = module.rpartition(".")[2].replace("_", "-")
        return Rule(id, on, check, level, also, summary, fixable, default, blocks, former)

    return register


LONGEST = 160
"""The length in characters up to which a message has more than its first reason."""

ALSO = "; also: "
"""What separates the first reason of a message from the others."""

LONGEST_WITHIN = 100
"""The length in characters up to which the message of a finding within another one has what to do."""


def moving(move: Migration) -> str:
    """Return the message for an image with a target: the target if there is a fix, the first of its reasons, what to do
    about it, and the other reasons in a few words; without what to do if there is a fix and no room for both, except
    for the end of a line, which no fix changes."""
    target = f" -> {move.target}" if move.edits else ""
    if not move.reasons:
        return move.image.shown + target
    first, *others = move.reasons
    message = f"{move.image.shown}{target}: {first.message}"
    longer = with_remedy(message, first)
    if not move.edits or first.id == "ended" or len(longer) + len(also(others, LONGEST)) <= LONGEST:
        message = longer
    return message + also(others, LONGEST - len(message))


def with_remedy(message: str, reason: Reason) -> str:
    """Return a message with what to do about a reason, unless the reason's sentence has it, or it gets too long."""
    longer = f"{message}: {reason.remedy}"
    return longer if reason.remedy and reason.id != "fails" and len(longer) <= LONGEST else message


def in_short(message: str, effective: EffectiveBase) -> str:
    """Return the message of a finding for use within that of its image: without the name of the new image, and without
    what to do if it is long."""
    message = message.replace(effective.shown, "the new image")
    return message if len(message) <= LONGEST_WITHIN else message.partition(": ")[0]


def also(reasons: Iterable[Reason], room: int) -> str:
    """Return reasons in a few words each, as the end of a message; of several that have no room only the number, if
    that has. One alone is named instead."""
    briefs = list(dict.fromkeys(reason.brief for reason in reasons))
    for count in range(len(briefs), 0, -1):
        left = len(briefs) - count
        text = f"{ALSO}{', '.join(briefs[:count])}" + (f" and {left} more" if left else "")
        if len(text) <= room:
            return text
    text = f"{ALSO}{len(briefs)} more reasons"
    if not briefs or len(text) > room:
        return ""
    return text if len(briefs) > 1 else ALSO + briefs[0]


class Settings(NamedTuple):
    """The settings of a run. ``images`` limits migrations to these upstream names, ``apply`` applies the safe fixes,
    and ``unsafe`` in addition the others. ``targets`` are the stages that other files of the run build, by path of the
    Dockerfile. ``today`` is an ISO date. ``file_ignores`` are globs with the ids of the rules that are ignored in these
    files, ``levels`` the levels that the user set, by rule id. ``named`` are the paths given by the user, ``include``
    globs of files to edit although they are vendored, generated or fixtures. ``logins`` are the kinds of files whose
    login is set up elsewhere. ``variant`` is the variant to use if a provider has several (auto: the one that the stage
    needs). ``add_logins`` gives missing logins a fix. ``quiet`` are the ids of the rules that the user did not name,
    whose quiet findings are not reported. ``compared`` are catalogs, with each of which the images are assessed in
    place of findings. ``approval`` is what the user approved, None for nothing. ``left_out`` are references that stay
    as they are in the files of the run. ``exclude`` are globs of files that are not read, and so stay too. ``clusters``
    says that files of the run are for Kubernetes."""

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
    add_logins: bool = False
    quiet: frozenset[str] = frozenset()
    compared: tuple[Catalog, ...] = ()
    approval: "Approval | None" = None
    left_out: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    clusters: bool = False

    def unedited(self, source: Source) -> "Unedited | None":
        """Return why a file is not edited by hand, or None if it is, or if the user named or included it."""
        if self.chosen(source.path):
            return None
        from echo_migrate.files.unedited import unedited  # hooks and editors name each file

        return unedited(source.path, source.text, self.named)

    def chosen(self, path: str) -> bool:
        """Return whether the user named or included a file."""
        included = any(_matcher(glob)(path, os.path.dirname(path)) for glob in self.include)
        return included or not inside(absolute(path), self.named)

    def excludes(self, path: str) -> bool:
        """Return whether a file is none of the run, by the globs of the user."""
        return any(_matcher(glob)(path, os.path.dirname(path)) for glob in self.exclude)

    def reports(self, finding: Finding) -> bool:
        """Return whether a finding is reported: a quiet one is if the user named its rule."""
        return not finding.quiet or finding.rule not in self.quiet

    def within(self, path: str) -> "Settings":
        """Return the settings for a file, without the rules that are ignored there."""
        if not self.file_ignores:
            return self
        root = os.path.dirname(path)
        ignored = {id for glob, ids in self.file_ignores if _matcher(glob)(path, root) for id in ids}
        return self._replace(rules=tuple(rule for rule in self.rules if rule.id not in ignored))


_matcher = lru_cache(lambda glob: matcher([glob]))


class Context(NamedTuple):
    """The information for a rule besides its node. ``moves`` are the migrations by image; rules that block run before
    they are known. ``swaps`` are the names under which images are elsewhere too. ``used`` are the ignore comments that
    suppressed a finding; only rules on ``Ignore``, which run last, know them. ``folders`` returns the real paths of the
    folders that a Dockerfile is known to be built from, ``containers`` those of other files that start a stage which
    they build. ``kind`` is the name of the file's format."""

    source: Source
    settings: Settings
    moves: dict[Image, Migration]
    used: set[Ignore] = set()  # noqa: RUF012 - never changed in place
    effective_bases: EffectiveBases = EffectiveBases()
    swaps: Mapping[Image, Migration] = MappingProxyType({})
    folders: Callable[[str], frozenset[str]] = lambda path: frozenset()
    containers: Callable[[Stage], Sequence[Container]] = lambda stage: ()
    kind: str = ""

    def effective(self, node: Any) -> EffectiveBase | None:
        """Return the effective base of a stage or container, or None if it is based on no image of the file."""
        return self.effective_bases.of(node)
