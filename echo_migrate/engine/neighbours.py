"""What lies near a file and decides over its images too: builds, named contexts, programs that look for an image."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.project_template import in_catalog, in_template, is_to_copy
from echo_migrate.files.source import Source, Unreadable, contents
from echo_migrate.files.tree import real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats._builds_nearby import Builds, builds_near, made_in_tree, owner_builds
from echo_migrate.formats._followers import followed
from echo_migrate.formats._named_contexts import shadows
from echo_migrate.images.reference import bare_name, familiar, parse, untagged, variables
from echo_migrate.model import Image, Migration
from echo_migrate.model.reasons import Reason, because
from echo_migrate.rules._purpose import is_of_a_build

if TYPE_CHECKING:
    from echo_migrate.formats._given_arguments import Given

_BUILD_HOST = "BUILDPLATFORM"
"""The argument by which a stage runs on the platform of the builder."""

_ARGUMENTS = lazy_regex(r"(?mi)^[ \t]*ARG[ \t]((?:[^\n\\`]|[\\`][ \t]*\r?\n|[\\`])*)")
_DEFAULT = lazy_regex(r"(?<!\S)([A-Za-z_]\w*)=((?:\"[^\"]*\"|'[^']*'|\\.|[^\s\"'\\])*)")
"""The words of an ARG, with the lines that continue it, and one of them with a default."""

_DECLARED = lazy_regex(r"(?i)(?<![-_])ARG[ \t]")
"""The start of an ARG, in a Dockerfile or in one within another file: other variables get no value by a build."""

_MODULE = lazy_regex(r"(?m)^module[ \t]+\"?github\.com/([\w.-]{1,100}/[\w.-]{1,100})(?=[/\"\s]|$)")
"""The owner and name of a repository in the module path of its go.mod (go.dev/ref/mod, Module paths)."""
_LONGEST = 100_000
"""The length in bytes up to which one is read."""
_FORGE = "github.com"
_REGISTRIES = ("ghcr.io/", "quay.io/")
"""Registries, beside Docker Hub, at which an owner has the name that it has at GitHub."""

_BEFORE = 200
"""How many characters before an image may be those of the options of its FROM."""


def without_shadowed(moves: list[Migration], source: Source) -> list[Migration]:
    """Return the migrations; those to a name that a named context of the build replaces need review."""
    names = dict.fromkeys(parse(move.target).name for move in moves if move.target and move.edits)
    taken = {name for name in names if shadows(source.path, familiar(name))}
    return [
        move._replace(state="needs-person", edits=(), reasons=(*move.reasons, because("shadowed", target=move.target)))
        if move.target and not _is_run(move.image) and parse(move.target).name in taken
        else move
        for move in moves
    ]


def _is_run(image: Image) -> bool:
    """Return whether an image is that of a service or a dev container, which no build pulls."""
    return image.where.rpartition(".")[2] == "image" and image.where.count(".") < 3


def of_template(moves: list[Migration], source: Source, deployed: bool) -> list[Migration]:
    """Return the migrations, unsafe in a file of a project template, or of a catalog that users install from: who makes
    a project from it, or installs it, pulls it. What programs of a cluster apply (``deployed``) is of a template only
    in a folder that says so, as it has other templates."""
    copied = is_to_copy if deployed else in_template
    if not any(move.edits for move in moves):
        return moves
    of_catalog = in_catalog(source.path, source.text)
    if not (of_catalog or copied(source.path) or is_to_copy(source.path)):
        return moves
    reason = because("catalog-entry" if of_catalog else "project-template")
    return [
        move._replace(state="needs-person", reasons=(*move.reasons, reason)) if move.edits else move for move in moves
    ]


def with_neighbours(moves: list[Migration], source: Source, deployed: bool) -> list[Migration]:
    """Return the migrations, unsafe where a build nearby makes an image of that name, or sets a variable in it, and
    where a program finds the image by its name. An image without a replacement is first-party if a build nearby makes
    it, and any image if it has the name of the repository."""
    moves = [_of_the_repository(move, source.path) for move in moves]
    if not any(move.edits or move.state == "no-replacement" or move.image.resolved for move in moves):
        return moves
    near = builds_near(source.path)
    moves = [_built(move, near, source.path) for move in moves]
    if not any(move.edits for move in moves):
        return moves
    arguments = near.arguments if near.arguments and _DECLARED.search(source.text) else {}
    defaults = _defaults(source.text) if arguments else {}
    found = []
    first = min((move.image.start for move in moves if move.image.where == "FROM"), default=0)
    for move in moves:
        written = source.text[move.image.start : move.image.end]
        before = source.text[max(0, move.image.start - _BEFORE) : move.image.start].rpartition("\n")[2]
        reasons = list(_overridden(move, written, defaults, arguments)) if arguments else []
        built = bool(near.results) and near.make(move.image.ref.value)
        if built:
            reasons.append(because("build-result"))
        if near.unread:
            reasons.append(because("builds-unread", path=os.path.relpath(min(near.unread), real(top(source.path)))))
        platforms = near.platforms | (near.later_platforms if move.image.start > first else frozenset())
        if platforms and move.image.where == "FROM" and not move.image.platform and _BUILD_HOST not in before:
            reasons.append(because("platform", platform=min(platforms)))
        reasons += followed(source.path, move.image.ref.value, deployed, built) if move.edits else []
        if move.edits and reasons:
            move = move._replace(state="needs-person", reasons=(*move.reasons, *reasons))
        found.append(move)
    return found


def _of_the_repository(move: Migration, path: str) -> Migration:
    """Return the migration, first-party if the image has the owner and the name of the repository of a file, or if
    nothing is known of it and it has the owner, or is on a registry of that name (``registry.acme.com`` of acme): that
    one hardens it by the images that it is built from."""
    if "/" not in move.image.ref.value or move.state not in ("migrate", "needs-person", "no-replacement"):
        return move
    name = untagged(familiar(move.image.ref.value))
    for registry in _REGISTRIES:
        name = name.removeprefix(registry)
    own = _repositories(real(top(path))) if "/" in name else frozenset[str]()
    if name in own:
        return Migration(move.image, "first-party", reasons=(because("first-party"),))
    first = name.partition("/")[0]
    host = first.partition(":")[0].split(".")
    owners = (f"{first}/", f"{host[-2]}/" if len(host) > 2 else "/")  # at a host of two names, anyone may have images
    if _is_unknown(move) and any(one.startswith(owners) for one in own):
        return Migration(move.image, "first-party", reasons=(because("of-the-owner"),))
    return move


def _is_unknown(move: Migration) -> bool:
    return any(reason.id == "unknown-image" for reason in move.reasons)


@of_a_run(64)
def _repositories(folder: str) -> frozenset[str]:
    """Return the repositories that a folder is the top of, by its Go module and by its remote: each by its owner and
    name, in lowercase."""
    from echo_migrate.files.remote import remote_of  # few files name an image that may be of its owner

    file, names = os.path.join(folder, "go.mod"), list[str]()
    with contextlib.suppress(Unreadable):
        text = "" if os.path.islink(file) else contents(file, _LONGEST).decode("utf-8", "replace")
        names += _MODULE.findall(text)[:1]
    remote = remote_of(folder)
    if remote and remote.host == _FORGE and remote.path.count("/") == 1:
        names.append(remote.path)
    return frozenset(map(str.lower, names))


def with_uses(
    moves: list[Migration], source: Source, assess: Callable[[Source], list[Migration] | None]
) -> list[Migration]:
    """Return the migrations; that of an image which the file only pulls needs review if its use in another file does
    not move with it. ``assess`` returns what becomes of the images of another file, None if it has no format."""
    if not _may_pull(moves):
        return moves
    from echo_migrate.engine import pulls  # few files pull images for others

    return pulls.with_uses(moves, source, assess)


def with_own_uses(moves: list[Migration], source: Source) -> list[Migration]:
    """Return the migrations, which are settled; that of an image which the file pulls needs review if its use in the
    file itself does not move with it."""
    if not _may_pull(moves):
        return moves
    from echo_migrate.engine import pulls

    return pulls.with_own_uses(moves, source)


def _may_pull(moves: list[Migration]) -> bool:
    return any(move.safe and move.image.where.endswith(("pull", ")")) for move in moves)


def _built(move: Migration, near: Builds, path: str) -> Migration:
    """Return the migration, first-party if it has no replacement and a build has its name; or, if nothing is known of
    the image, one anywhere in the tree of a file, or one near it the last part of its name: a result is pushed to
    several registries. What a Dockerfile builds on often has the name of what it makes. One of which nothing is known,
    below an owner below whom a build has its name, is that owner's."""
    image = move.image
    if move.state != "no-replacement":
        of_variables = image.resolved and not move.upstream and near.make(image.resolved)
        return Migration(image, "first-party", reasons=(because("first-party"),)) if of_variables else move
    unknown = _is_unknown(move)
    name = image.ref.value
    alike = unknown and not is_of_a_build(image) and near.make_alike(name)
    if alike or near.make(name, own=not move.upstream) or (unknown and made_in_tree(path, name)):
        return Migration(image, "first-party", reasons=(because("first-party"),))
    if unknown and owner_builds(path, name, near):
        return Migration(image, "first-party", reasons=(because("of-the-owner"),))
    return move


def _overridden(
    move: Migration, written: str, defaults: dict[str, set[str]], arguments: "Mapping[str, tuple[Given, ...]]"
) -> Iterator[Reason]:
    """Yield for each argument of a reference that a build gives a value of its own why that value is to be changed too.

    It is not where the argument is the whole reference, which the file that gives it has as one of its own, nor where
    the value is the default and the edits leave that as it is.
    """
    outside = all(move.image.start <= edit.start and edit.end <= move.image.end for edit in move.edits)
    for name in _arguments(written, defaults):
        for given in arguments.get(name, ()):
            whole = given.dockerfile and written in (f"${name}", f"${{{name}}}")
            same = outside and defaults.get(name) == {given.value}
            if not whole and not same:
                place = f"{os.path.relpath(given.path, real(top(given.path)))}:{given.line}"
                yield because("argument-given", place=place, name=name)
                break


def _defaults(text: str) -> dict[str, set[str]]:
    """Return the defaults of each argument of a text, all that it is given: which of them a build takes is for the
    reader of Dockerfiles, and one too many only asks for review."""
    found: dict[str, set[str]] = {}
    for words in _ARGUMENTS.finditer(text):
        for name, default in _DEFAULT.findall(words[1]):
            found.setdefault(name, set()).add(default.strip("\"'"))
    return found


def _arguments(written: str, defaults: dict[str, set[str]]) -> list[str]:
    """Return the names of the build arguments in a reference, and of those in their defaults."""
    names = dict.fromkeys(map(bare_name, variables(written)))
    waiting = list(names)
    while waiting:
        used = {bare_name(one) for default in defaults.get(waiting.pop(), ()) for one in variables(default)}
        inner = sorted(used - names.keys())
        names |= dict.fromkeys(inner)
        waiting += inner
    return list(names)
