"""What a stage or service has from upstream's image by a path or a name that an image of another build, which is no
drop-in replacement, may not have."""

import re
from collections.abc import Iterable, Iterator, Sequence
from posixpath import basename

from echo_migrate.dockerfile.added_users import may_add, named_by, numbered_by
from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.programs import is_there, may_provide
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import ImageFacts, facts_of, is_root, users_of
from echo_migrate.images.providers import UPSTREAM
from echo_migrate.images.reference import Reference, parsed
from echo_migrate.images.state import owner_of
from echo_migrate.model.reasons import Reason, because

_OF_UPSTREAM = lazy_regex(r"/(?:usr/local|opt|usr/lib/(?:jvm|go|node_modules|python[\d.]*))(?:/|$)")
"""Where official images and their like install what they are for."""

_MADE = lazy_regex(r"/opt/(?!bitnami|gradle|java|jdk|maven|yarn)[\w.-]+(?:/|$)")
"""A folder of an application that a stage works in, below one in which images have no other programs than these."""

_OF_VENDORS = "nonroot"
"""The user that images of vendors add; the other names are those of upstream's images."""

_UBUNTU = "ubuntu"
_CPP = "libstdc++"
_COMPILES = frozenset(("c++", "clang++", "cmake", "g++", "meson", "ninja", "qmake"))

_STATIC = lazy_regex(r"(?<![\w/.-])-static\b|\+crt-static", needs=("static",))
_NO_PROGRAM = lazy_regex(
    r"(?i)^/(?:etc|usr/share)/|(?:^|/)(?:authors|changelog|copying|licen[cs]e|notice|readme)[^/]*$"
    r"|\.(?:c?js|conf|crt|css|html?|ini|json|md|mjs|pem|properties|py|rb|sh|sql|toml|txt|xml|ya?ml)$"
)
"""Sources of COPY that are certainly linked with no library."""
_NAMING = frozenset(("chgrp", "chown", "deluser", "gpasswd", "install", "passwd", "userdel", "usermod"))
"""Commands of which a word is a user, beside those that start a program as one."""
_AS_UBUNTU = lazy_regex(
    r"\b(?:gosu|su-exec|su|sudo|runuser|setpriv)\b[^;&|\n]{0,60}?[ =]ubuntu(?![\w.-])", needs=(_UBUNTU,)
)

_SHARED = frozenset(f"/usr/local{rest}" for rest in ("", "/bin", "/lib", "/share", "/include"))


def copied_paths(node: Stage | Container, reference: Reference | None, catalog: Catalog) -> Iterator[Reason]:
    """Yield the first path that another stage copies from a stage, that an image of its base has of its own, and that
    nothing in the stage is seen to write: other builds of the same program lie elsewhere (/usr/bin, /usr/lib)."""
    upstream = catalog.upstream(reference) if reference else None
    if not isinstance(node, Stage) or (upstream and catalog.word_family(upstream.name)):
        return  # an operating system has nothing there
    steps = [one for stage in node.lineage for one in stage.instructions]
    written = "\n".join(one.args.value for one in steps)
    folders = (one.args.value.rstrip("/") for one in steps if one.verb == "workdir" and _MADE.match(one.args.value))
    own_name = basename(upstream.name) if upstream else "/"
    made = tuple(f"{folder}/" for folder in folders if own_name not in folder)
    for path in filter(_OF_UPSTREAM.match, node.taken):
        own = path.rstrip("/")
        if own in _SHARED or (own not in written and not own.startswith(made)):
            yield because("layout", path=path)
            return


def named_users(node: Stage | Container, base: ImageFacts, target: str, catalog: Catalog) -> Iterator[Reason]:
    """Yield the first user or group that a stage or service is given by a name that the target, of which ``base`` are
    the facts, is not known to have."""
    stage = stage_of(node)
    given = list(named_by(stage)) if stage else []
    given += [node.user.value.partition(":")[0]] if isinstance(node, Container) and node.user else []
    if base.complete or not given:
        return  # where all users are known, named-user decides
    there = {base.user, *_users_beside(target, catalog)}
    for name in given:
        numbered = name[:1] in "$0123456789" or is_root(name)
        if catalog.vendor == UPSTREAM and name != _OF_VENDORS:
            continue
        if not (numbered or name in there or (stage and may_add(stage, name, likely=True))):
            yield because("user-absent", user=name)
            return


def numbered_users(node: Stage | Container, value: str, base: ImageFacts, catalog: Catalog) -> Iterator[Reason]:
    """Yield the uid of the service of upstream's image, ``value``, that a stage or service is given, where the target,
    of which ``base`` are the facts, has another for it, or none that is known."""
    owner = owner_of(value, facts_of(value, catalog), catalog)
    stage, reference = stage_of(node), parsed(value)
    if not owner or owner == base.uid or reference is None:
        return
    given = [*numbered_by(stage)] if stage else []
    given += [node.user.value] if isinstance(node, Container) and node.user else []
    if any(str(owner) in re.split(r"[:\s]", one.strip("\"'")) for one in given):
        yield because("user-number", uid=str(owner), name=f"the user of {catalog.name_of(reference)}")


def libraries(node: Stage | Container, base: ImageFacts) -> Iterator[Reason]:
    """Yield the reason for the first file that a stage has from one that compiles C++, whose library upstream's images
    have by the way (apt depends on it), and that the target is not known to have."""
    if not isinstance(node, Stage) or base.has("node") or any(one.startswith(_CPP) for one in base.packages):
        return
    if any(_CPP in run.text or "g++" in run.text for one in node.lineage for run in one.runs):
        return
    for copy in node.copies:
        there = node.preceding(copy.origin) if copy.origin else None
        runs = [run for one in there.lineage for run in one.runs] if there else []
        if all(_NO_PROGRAM.search(word.value) for word in copy.sources):
            continue
        if any(not _COMPILES.isdisjoint(run.names) for run in runs) and not any(
            _STATIC.search(run.text) for run in runs
        ):
            yield because("library", path=copy.sources[0].value if copy.sources else "", library=_CPP)
            return


def users_of_distribution(
    node: Stage | Container, launches: Iterable[StartCommand], family: str | None
) -> Iterator[Reason]:
    """Yield the user that Ubuntu's images have and no other's, where a stage or service names it and the target is of
    another distribution, ``family``. ``launches`` are its start commands."""
    if family == _UBUNTU:
        return
    stage = stage_of(node)
    runs = list(node.runs) if isinstance(node, Stage) else []
    commands = [
        command
        for script in (*[run.script for run in runs], *[one.script for one in launches])
        if script
        for command in script.commands
    ]
    words = [word for command in commands if command.name in _NAMING for word in command.arguments]
    words += numbered_by(stage) if stage else ()
    words += [node.user.value] if isinstance(node, Container) and node.user else []
    texts = (*[run.text for run in runs], *[one.args.value for one in launches])
    words += [_UBUNTU] if any(_AS_UBUNTU.search(text) for text in texts) else []
    if any(_UBUNTU in word.split(":") for word in words) and not (stage and may_add(stage, _UBUNTU, likely=True)):
        yield because("user-absent", user=_UBUNTU)


def started_paths(node: Stage | Container, programs: Sequence[str], base: ImageFacts) -> Iterator[Reason]:
    """Yield the first program that a stage or service starts by its path in upstream's image, or that may be a script
    beside a Java without a shell. ``programs`` are the first words of its start commands, as written."""
    own = [words[0] for words in (base.entrypoint, base.cmd) if words]
    java = "java" in {basename(word) for word in own}
    for path in programs:
        name = basename(path)
        moved = _OF_UPSTREAM.match(path) and is_there(name, base) and path not in own
        if moved and not may_provide(node, base, [name]):
            yield because("path-elsewhere", path=path)
            return
        if path[:1] == "/" and base.shell is False and java and name != "java":
            yield because("script-unknown", path=path)  # what a build of Java installs beside its libraries is one
            return


def _users_beside(reference: str, catalog: Catalog) -> set[str | None]:
    """Return the default users of all variants of a target: one that builds has the user of the one that runs, too."""
    target = parsed(reference)
    place = catalog.place(target) if target else None
    return users_of(place[1], catalog) if place else set()
