"""Images in YAML files that are not Compose's: the reading that Kubernetes, charts and CI systems have in common."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypedDict, TypeGuard, Unpack

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, Traced
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
    positions,
    traced,
)
from echo_migrate.formats import Request
from echo_migrate.formats._commands import calls, named
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.images.reference import VARIABLE, variables
from echo_migrate.model import Ignore, Image, Parts, Problem
from echo_migrate.reasons import Reason, because

YAML = re.compile(r"(?i).+\.ya?ml")
NO_NAME = re.compile(r"(?!)")
"""For formats of which no file's name alone says that it is of their kind."""

ALIASED = because("aliased")
_MARKER = re.compile(r"(?m)^---(?=\s|$)")
_TEMPLATE = lazy_regex(
    r"\{\{-?\s*(?:[.$#]|/\*|(?:include|template|if|range|with|else|end|define|toYaml|tpl|default|printf)\b)"
)
_COMMENT = lazy_regex(r"(?m)^[ \t]*#.*$")
_LITERAL = lazy_regex(r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]+([\"']?)([^\s\"'{}$#]+)\1[ \t]*(?:#[^\n]*)?\r?$")
_EXPRESSION = lazy_regex(r"\$\{\{([^{}]*)\}\}")
"""What GitHub fills in before a shell reads a script; ``$(…)`` is a shell's own there."""
_LOGIN = lazy_regex(r"(?m)^.*\b(?:login|registry)\b.*$")
"""What stands where somebody logs in: ``registry:`` of docker/login-action, ``docker login`` and its like."""
_NOBODY = because("login-step")
_OTHER = lazy_regex(r"\W")
_IN_A_TEMPLATE = because("in-template")

Node = Image | Problem | Ignore | Container


class YamlMapping(NamedTuple):
    """A mapping of a document: the keys that lead to it, and what it says, merge keys followed."""

    path: tuple[str, ...]
    keys: dict[str, YamlNode]

    def where(self, key: str) -> str:
        """Return the context of an image under a key of it."""
        return ".".join((*self.path, key))


class Around(TypedDict, total=False):
    """What stands around an image in its file says of it: fields of ``Image``."""

    platform: str
    mounts: tuple[str, ...]
    unsafe_reasons: tuple[Reason, ...]
    needs_login: Reason | None
    login: str


class YamlFile:
    """The text of a file, its documents, and which of its scalars stand under which keys.

    A broken document is left out, with a problem, and the others are read; one that is a template is left out in
    silence, and ``templated`` says so.
    """

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self.text = source.text
        self.problems: list[Problem] = []
        self.templated = False
        self.roots = self._read()
        self._under: dict[int, set[str]] = {}
        if "*" in self.text and "&" in self.text:
            for root in self.roots:
                self._note(root)

    def _read(self) -> list[YamlNode | None]:
        try:
            return documents(self.text)
        except NotYaml:
            begins = [0, *(match.start() for match in _MARKER.finditer(self.text))]
            pieces = list(zip(begins, [*begins[1:], len(self.text)], strict=True))
        kept = ""
        for start, end in pieces:
            piece = self.text[start:end]
            try:
                documents(piece)
            except NotYaml as error:
                if is_template(piece):
                    self.templated = True
                else:
                    place = start + error.offset
                    self.problems.append(Problem(place, place, str(error), "note", "this document"))
                piece = re.sub(r"[^\n]", " ", piece)
            kept += piece
        try:
            return documents(kept)
        except NotYaml:
            return []  # what each document is alone, all are together, but for what YAML forbids anywhere

    def _note(self, root: YamlNode | None) -> None:
        for key, child in positions(root):
            self._under.setdefault(id(child), set()).add(key.value if is_scalar(key) else "")
            if is_scalar(key):
                self._under.setdefault(id(key), set()).add("\0")

    def under(self, node: YamlNode | None) -> str:
        """Return all texts of a value, for a look at what they name."""
        texts = [child.value for _, child in positions(node) if is_scalar(child)]
        return " ".join([node.value] if is_scalar(node) else texts)

    def _kept(self, *found: ScalarNode) -> Reason | None:
        """Return why scalars must stay: a program writes them, or one of them stands under other keys too."""
        for node in found:
            line = self.text[node.end_mark.index : node.end_mark.index + 200].partition("\n")[0]
            if "$imagepolicy" in line:
                return because("flux")
            if len(self._under.get(id(node), ())) > 1:
                return ALIASED
        return None

    def image(
        self, node: YamlNode | None, where: str, *, not_editable: Reason | None = None, **fields: Unpack[Around]
    ) -> Iterator[Image]:
        """Yield the image that a scalar names; none where it is empty, or filled in by a template."""
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
        not_editable: Reason | None = None,
        **fields: Unpack[Around],
    ) -> Iterator[Image]:
        """Yield the image that scalars of their own name; ``registry`` and ``tag`` are None where there is no key."""
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
        parts = Parts(name, host, version if version and version.value else None, bare)
        not_editable = not_editable or self._kept(*named)
        start, end = name.start if name.spans else repository.start_mark.index, repository.end_mark.index
        yield Image(
            Traced(value, ()),
            where,
            start,
            max(start, name.end if name.spans else end),
            not_editable=not_editable,
            unsettled=variables(value),
            templated="$" in value,
            depends_on=parts.places,
            parts=parts,
            **fields,
        )

    def scripts(self, found: Iterable[tuple[str, YamlNode | None]]) -> Iterator[Image | Container]:
        """Yield the images that shell scripts name, each a scalar with the context it stands in."""

        placed = [(where, traced(node, self.text)) for where, node in found if is_text(node) and calls(node.value)]
        known = {place.start: (where, place) for where, place in placed if place.spans}
        texts = [place._replace(value=_EXPRESSION.sub(_as_name, place.value)) for _, place in known.values()]
        login = " ".join(_LOGIN.findall(self.text)) if texts else ""
        starts = sorted(known)
        for image, service in named(self.text, texts) if texts else ():
            where, _ = known[starts[bisect_right(starts, image.start) - 1]]
            image = image._replace(where=f"{where} {image.where}", needs_login=_NOBODY, login=login)
            yield image
            if service:
                yield service._replace(image=image)


def _is_piece(node: YamlNode | None) -> TypeGuard[ScalarNode | None]:
    """Return whether a key is not there, or has a value that can be a piece of a name."""
    return node is None or is_scalar(node)


def _piece(node: ScalarNode, text: str) -> Traced:
    """Return a scalar's text and place; an empty value has one only between quotes."""
    if node.tag.endswith(":null"):
        return Traced("", ())
    if not node.value and node.style and node.style in "'\"":
        return Traced("", ((node.end_mark.index - 1, node.end_mark.index - 1),))
    return traced(node, text)


def _as_name(match: "re.Match[str]") -> str:
    """Return GitHub's expression as a variable of a shell, of as many characters."""
    return f"${{{_OTHER.sub('_', match[1])}__}}"


def walk(root: YamlNode | None) -> Iterator[YamlMapping]:
    """Yield every mapping of a document once, from the top; an item of a list goes by its name, if it has one."""
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
    """Return what an item of a list is called in a path."""
    for key, value in node.value if is_mapping(node) else ():
        if is_scalar(key) and key.value == "name" and is_text(value):
            return value.value
    return str(index)


def is_template(text: str) -> bool:
    """Return whether a text is one of Go's or Jinja's templates, from which YAML is only made."""
    return "{{" in text and bool(_TEMPLATE.search(_COMMENT.sub("", text)))


def literals(text: str) -> Iterator[Image]:
    """Yield the images that a template names literally, which are listed and never rewritten."""
    for match in _LITERAL.finditer(text):
        start, end = match.span(2)
        yield Image(Traced.of(text, start, end), "image", start, end, not_editable=_IN_A_TEMPLATE)


def nodes(sheet: YamlFile, found: Iterable[Image | Container], request: Request) -> list[Node]:
    """Return what a file's nodes are: each image once, however many share it by an alias, and what was asked for."""
    images: dict[tuple[int, int], Image] = {}
    others: list[Node] = []
    for node in found:
        if not isinstance(node, Image):
            others += [node] if Container in request.kinds else []
        else:
            images.setdefault((node.start, node.end), node)
    return [*in_yaml(sheet.text), *sheet.problems, *images.values(), *others]


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why the second text, made from the first by ``edits``, must not take its place, if it must not.

    Documents keep their shape, keys and tags, and only scalars with an edit inside change.
    """
    places = sorted(edits)
    old, new = YamlFile(before), YamlFile(after)
    if len(old.problems) != len(new.problems) or len(old.roots) != len(new.roots):
        return "the changed file is no longer the YAML that it was"
    if not all(alike(a, b, places) for a, b in zip(old.roots, new.roots, strict=True)):
        return "something else than an image would change"
    return None
