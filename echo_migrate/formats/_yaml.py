"""Images in YAML files other than Compose: the shared reader for Kubernetes, charts and CI systems."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypedDict, TypeGuard, Unpack

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.files.spelling import TEMPLATE
from echo_migrate.files.yaml import (
    NotYaml,
    ScalarNode,
    YamlNode,
    alike,
    documents,
    effective,
    is_mapping,
    is_scalar,
    is_text,
    items,
    positions,
    traced,
)
from echo_migrate.formats import Request
from echo_migrate.formats._commands import calls, named
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.formats._script_variables import as_name, given_by
from echo_migrate.formats._templates import MARK, fails_as_template, is_template, of_template, without_comments
from echo_migrate.images.reference import VARIABLE, is_open, parsed, variables
from echo_migrate.model import Ignore, Image, Parts, Problem, SharedSpans
from echo_migrate.model.reasons import Reason, because

if TYPE_CHECKING:
    from echo_migrate.formats._step_logins import Login
    from echo_migrate.shell.wrappers import Account

YAML = lazy_regex(r"(?i).+\.ya?ml")
MANIFEST = lazy_regex(rf"(?i).+\.(?:ya?ml(?:{TEMPLATE})?|json)")
NO_NAME = lazy_regex(r"(?!)")
"""Matches nothing, for formats that no file name identifies on its own."""

ALIASED = because("aliased")
_SURROGATES = lazy_regex(r"(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")
"""A character beyond U+FFFF as JSON escapes it, which libyaml takes for no character."""

_MARKER = lazy_regex(r"(?m)^---(?=\s|$)")
_EXPRESSION = lazy_regex(r"\$\{\{([^{}]*)\}\}")
"""An expression that GitHub expands before the shell reads a script; ``$(…)`` is shell syntax there."""
_LOGIN = lazy_regex(r"\b(?:login|registry)\b")
_SETTER = lazy_regex(r"#[ \t]*(?:kpt-set:|\{\"\$(?:kpt-set|openapi)\")")
"""The comment by which kpt sets a value (catalog.kpt.dev, apply-setters; of kpt before 1.0, too)."""
_MOST_LOGINS = 20
"""The number of logins before an image that are looked at, so that a job takes a time that grows with its length."""
NOBODY = because("login-step")

Node = Image | Problem | Ignore | Container


class YamlMapping(NamedTuple):
    """A mapping of a document: its key path, and its values by key, with merge keys resolved."""

    path: tuple[str, ...]
    keys: dict[str, YamlNode]

    def where(self, key: str) -> str:
        """Return the context (``Image.where``) of an image under one of its keys."""
        return ".".join((*self.path, key))


class Around(TypedDict, total=False):
    """Fields of ``Image`` that are determined by the surroundings of an image in its file."""

    platform: str
    mounts: tuple[str, ...]
    variables: tuple[str, ...]
    unsafe_reasons: tuple[Reason, ...]
    needs_login: Reason | None
    login: str


class YamlFile:
    """The text of a file, its documents, and the keys under which its scalars occur.

    An invalid document is skipped with a problem, and the others are read; a template is skipped without one, and
    ``templated`` is set. ``unused`` is a key of the documents whose values are there for their aliases alone.
    """

    def __init__(self, source: Source, unused: str = "") -> None:
        self.path = source.path
        self.text = source.text
        self.problems: list[Problem] = []
        self.templated = False
        self.roots = self._read()
        self._logins: list[Login] | None = None
        self._under: dict[int, set[str]] = {}
        self._pulled: list[tuple[int, int]] = []
        if "*" in self.text and "&" in self.text:
            for root in self.roots:
                self._note(root, unused)

    def _read(self) -> list[YamlNode | None]:
        try:
            return documents(_SURROGATES.sub(r"\\ufffd\\ufffd", self.text) if "\\u" in self.text else self.text)
        except NotYaml:
            begins = [0, *(match.start() for match in _MARKER.finditer(self.text))]
            pieces = list(zip(begins, [*begins[1:], len(self.text)], strict=True))
        kept = ""
        for start, end in pieces:
            piece = self.text[start:end]
            try:
                documents(piece)
            except NotYaml as error:
                if fails_as_template(piece) or of_template(self.path):
                    self.templated = True
                else:
                    place = start + error.offset
                    self.problems.append(Problem(place, place, str(error), "note", "this document"))
                piece = re.sub(r"[^\n]", " ", piece)
            kept += piece
        try:
            return documents(kept)
        except NotYaml:
            return []  # valid documents are valid together, except for characters that YAML forbids

    def _note(self, root: YamlNode | None, unused: str) -> None:
        """Note the keys that each value of a document has, but for those below a key that is unused."""
        used = [(name, child) for name, child in items(root) if unused and name != unused]
        for name, child in used:
            self._under.setdefault(id(child), set()).add(name)
        parts = [child for _, child in used] if unused else [root]
        for key, child in (pair for part in parts for pair in positions(part)):
            self._under.setdefault(id(child), set()).add(key.value if is_scalar(key) else "")
            if is_scalar(key):
                self._under.setdefault(id(key), set()).add("\0")

    def under(self, node: YamlNode | None) -> str:
        """Return all scalars of a value, joined by spaces."""
        texts = [child.value for _, child in positions(node) if is_scalar(child)]
        return " ".join([node.value] if is_scalar(node) else texts)

    def _kept(self, *found: ScalarNode) -> Reason | None:
        """Return why scalars must not be edited: a program updates them, or an alias uses one under other keys."""
        for node in found:
            line = self.text[node.end_mark.index : node.end_mark.index + 200].partition("\n")[0]
            if "$imagepolicy" in line:
                return because("flux")
            if "#" in line and _SETTER.search(line):
                return because("kpt")
            if len(self._under.get(id(node), ())) > 1:
                return ALIASED
        return None

    def image(
        self, node: YamlNode | None, where: str, *, not_editable: Reason | None = None, **fields: Unpack[Around]
    ) -> Iterator[Image]:
        """Yield the image that a scalar names; none if it is empty or contains a template."""
        if not is_text(node) or not node.tag.endswith(":str"):
            return
        place = traced(node, self.text)
        if "{{" in VARIABLE.sub("", place.value):
            return
        start, end = node.start_mark.index, node.end_mark.index
        if place.spans:
            start, end = place.start, place.end
            bare = place.value.strip()
            place = place.cut(place.value.index(bare), place.value.index(bare) + len(bare))
        if not place.value.strip():
            return
        not_editable = not_editable or self._kept(node)
        not_editable = not_editable or (None if place.spans else because("cannot-edit"))
        names = variables(place.value)
        self._pulled += () if not_editable else place.spans
        yield Image(
            place, where, start, end, not_editable=not_editable, unsettled=names, templated=bool(names), **fields
        )

    def parted(
        self,
        repository: YamlNode | None,
        registry: YamlNode | None,
        tag: YamlNode | None,
        where: str,
        *,
        digest: YamlNode | None = None,
        not_editable: Reason | None = None,
        **fields: Unpack[Around],
    ) -> Iterator[Image]:
        """Yield the image named by separate scalars; those after the first are None if there is no such key."""
        if not (is_text(repository) and _is_piece(registry) and _is_piece(tag)):
            return
        named = [node for node in (registry, repository, tag) if node is not None]
        if any("{{" in node.value for node in named):
            return
        name = _piece(repository, self.text)
        host = None if registry is None else _piece(registry, self.text)
        version = None if tag is None else _piece(tag, self.text)
        value = f"{host.value}/{name.value}" if host and host.value else name.value
        value += f":{version.value}" if version and version.value else ""
        bare = tag is not None and not tag.style
        number = tag is not None and tag.tag.endswith((":int", ":float"))
        pinned = _piece(digest, self.text) if is_text(digest) else None
        if pinned and parsed(f"{value}@{_full_digest(pinned.value)}"):
            value += f"@{_full_digest(pinned.value)}"
        elif pinned:
            not_editable = not_editable or because("digest-key")
        parts = Parts(name, host, version if version and version.value else None, bare, number, pinned)
        not_editable = not_editable or self._kept(*named, *([digest] if is_text(digest) else []))
        start, end = name.start if name.spans else repository.start_mark.index, repository.end_mark.index
        yield Image(
            Traced(value, ()),
            where,
            start,
            max(start, name.end if name.spans else end),
            not_editable=not_editable,
            unsettled=variables(value),
            templated=is_open(value),
            depends_on=parts.places,
            parts=parts,
            **fields,
        )

    def logins(self, start: int | None = None, end: int = 0, account: "Account" = "") -> str:
        """Return what the logins of the file say for a place, or those between ``start`` and it that are kept,
        for one account."""
        if not _LOGIN.search(self.text):
            return ""
        from echo_migrate.formats._step_logins import kept, step_logins  # few files have any

        if self._logins is None:
            self._logins = step_logins(self.text, self.roots)
        if start is None:
            return " ".join([login.said for login in self._logins if login.holds(end, account)])
        first, stop = bisect_left(self._logins, (start,)), bisect_left(self._logins, (end,))
        return " ".join(kept(self._logins[max(first, stop - _MOST_LOGINS) : stop], end, account))

    def scripts(
        self,
        found: Iterable[tuple[str, YamlNode | None]],
        filled: "re.Pattern[str] | None" = None,
        since: Mapping[str, int] = MappingProxyType({}),
    ) -> Iterator[Image | Container]:
        """Yield the images named in shell scripts, which are given as scalars with their contexts. ``filled`` is what
        is filled in before a shell reads them, by default GitHub's expressions. Logins are those between ``since``,
        by context, and an image, or else all of the file."""

        placed = [(where, traced(node, self.text)) for where, node in found if is_text(node) and calls(node.value)]
        known = {place.start: (where, place) for where, place in placed if place.spans}
        texts = [place._replace(value=(filled or _EXPRESSION).sub(as_name, place.value)) for _, place in known.values()]
        starts = sorted(known)
        bodies = [place.value for _, place in known.values()]
        values, written = given_by(self.text, self.roots, bodies, filled or _EXPRESSION)
        shared = SharedSpans(
            (start, end, because("variable-shared", name=name))
            for name, value in written.items()
            for start, end in value.text.spans
        )
        apart = len(known) == len(placed)  # a step that an alias repeats runs in another job too
        jobs = sorted(set(since.values())) if apart else ()
        for image, service in named(self.text, texts, values, tuple(self._pulled), jobs) if texts else ():
            image = shared.of(image)
            where, _ = known[starts[bisect_right(starts, image.start) - 1]]
            image = image._replace(where=f"{where} {image.where}")
            if not image.needs_login:
                before = self.logins(since.get(where), image.start, image.account)
                image = image._replace(needs_login=image.without_login, login=before)
            yield image
            if service:
                yield service._replace(image=image)


def _is_piece(node: YamlNode | None) -> TypeGuard[ScalarNode | None]:
    """Return whether a key is missing, or has a scalar as its value, which can be a part of a name."""
    return node is None or is_scalar(node)


def _full_digest(written: str) -> str:
    """Return a digest with the name of its algorithm, which a key such as ``sha256`` leaves out."""
    return written if ":" in written else f"sha256:{written}"


def _piece(node: ScalarNode, text: str) -> Traced:
    """Return the traced text of a scalar; an empty value has a span only if it is quoted."""
    if node.tag.endswith(":null"):
        return Traced("", ())
    if not node.value and node.style and node.style in "'\"":
        return Traced("", ((node.end_mark.index - 1, node.end_mark.index - 1),))
    return traced(node, text)


def walk(root: YamlNode | None) -> Iterator[YamlMapping]:
    """Yield every mapping of a document once, from the top; list items appear in key paths by name, if any."""
    waiting: list[tuple[tuple[str, ...], YamlNode | None]] = [((), root)]
    seen: set[int] = set()
    while waiting:
        path, node = waiting.pop()
        if node is None or is_scalar(node) or id(node) in seen:
            continue
        seen.add(id(node))
        if is_mapping(node):
            keys = effective(node)
            yield YamlMapping(path, keys)
            below = [((*path, key), child) for key, child in keys.items()]
        else:
            below = [((*path, _name(child, index)), child) for index, child in enumerate(node.value)]
        waiting += reversed(below)


def _name(node: YamlNode, index: int) -> str:
    """Return the key path component of a list item: its name, or else its index."""
    for key, value in node.value if is_mapping(node) else ():
        if is_scalar(key) and key.value == "name" and is_text(value):
            return value.value
    return str(index)


def is_rendered(sheet: YamlFile) -> bool:
    """Return whether a file is only YAML once a template in it has been rendered: it has one outside of its scalars."""
    if sheet.templated or not is_template(sheet.text):
        return sheet.templated
    scalars = [node for root in sheet.roots for pair in positions(root) for node in pair if node and is_scalar(node)]
    spans = sorted({(node.start_mark.index, node.end_mark.index) for node in scalars if _fills_in(node, sheet.text)})
    begins = [start for start, _ in spans]
    for match in MARK.finditer(without_comments(sheet.text)):
        place = bisect_right(begins, match.start()) - 1
        if place < 0 or match.end() > spans[place][1]:
            return True
    return False


def _fills_in(node: ScalarNode, text: str) -> bool:
    """Return whether a scalar has a template of its own: a statement of Jinja in a plain one of several lines is of the
    file."""
    within = node.style or "\n" not in text[node.start_mark.index : node.end_mark.index]
    return "{{" in node.value or bool(within and "{%" in node.value)


def nodes(sheet: YamlFile, found: Iterable[Image | Container], request: Request) -> list[Node]:
    """Return the nodes of a file: images, each once even if shared by aliases, and other nodes if requested."""
    images: dict[tuple[int, int], Image] = {}
    others: list[Node] = []
    for node in found:
        if not isinstance(node, Image):
            others += [node] if Container in request.kinds else []
        else:
            images.setdefault((node.start, node.end), node)
    return [*in_yaml(sheet.text), *sheet.problems, *images.values(), *others]


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None if it may.

    Documents must keep their structure, keys and tags, and only scalars with an edit inside may change.
    """
    places = sorted(edits)
    old, new = YamlFile(before), YamlFile(after)
    if len(old.problems) != len(new.problems) or len(old.roots) != len(new.roots):
        return "the changed file is no longer the YAML that it was"
    if not all(alike(a, b, places) for a, b in zip(old.roots, new.roots, strict=True)):
        return "something else than an image would change"
    return None
