"""Images whose name comes from parameters, variables or a matrix of the same file: what they are, and where each is
edited. A CI system only says which values an expression has, and where else they are used."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, product
from typing import NamedTuple, Protocol, Unpack

from echo_migrate.files.source import Traced
from echo_migrate.files.yaml import MappingNode, ScalarNode, YamlNode, is_scalar, is_text, positions, traced
from echo_migrate.formats._yaml import Around, YamlFile
from echo_migrate.images.reference import VARIABLE, bare, is_open, untagged, with_values
from echo_migrate.model import Image, Parts
from echo_migrate.model.reasons import Reason, because

MOST_CHOICES = 100
"""The maximum number of values of an image, and of uses of what it is in, that are read; of more, none is."""

_DEEPEST = 10
"""A value may be another parameter, whose value may be a third."""

Scope = Callable[[str], "list[Value]"]
"""Returns the values of an expression, given as it is written; none if they are not known."""


class Value(NamedTuple):
    """A value of a parameter, and the scope in which its own expressions are read.

    ``unsafe`` says why no move is safe that relies on it, ``shared`` why it may not be edited: it is also used where no
    image is. ``visible`` is the name by which programs that run there can read it.
    """

    node: ScalarNode
    scope: Scope
    unsafe: Reason | None = None
    shared: Reason | None = None
    visible: str = ""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why no move is safe that relies on the value."""
        return (self.unsafe,) if self.unsafe else ()

    @property
    def edited(self) -> Reason | None:
        """Why no edit of the value is safe."""
        return self.shared or (because("variable-shared", name=self.visible) if self.visible else None)


class Parameters(Protocol):
    """The parameters of a document."""

    def scopes(self, above: tuple[MappingNode, ...]) -> list[Scope]:
        """Return the scopes in which a scalar is read, given the mappings that it is in, from the top."""


def nothing(written: str) -> "list[Value]":
    """Return no values: the scope of what has no parameters."""
    return []


class _Place(NamedTuple):
    """A scalar that is an image, the scopes in which it is, and the values through which it becomes one."""

    node: ScalarNode
    scopes: list[Scope]
    through: dict[Value, None]


def named(
    sheet: YamlFile,
    node: YamlNode | None,
    where: str,
    scopes: Sequence[Scope],
    *,
    not_editable: Reason | None = None,
    **around: Unpack[Around],
) -> Iterator[Image]:
    """Yield the images that a scalar names: itself, or where it is nothing but an expression, each of its values."""
    if not is_text(node):
        return
    places: dict[int, _Place] = {}
    scopes = list(dict.fromkeys(scopes))
    for scope in scopes if len(scopes) <= MOST_CHOICES else [nothing]:
        _follow(node, scope, (), places)
    for place in places.values():
        reasons = [reason for value in place.through for reason in value.reasons]
        reasons += [value.edited for value in place.through if value.edited and not value.shared]
        stays = not_editable or next((value.shared for value in place.through if value.shared), None)
        for image in sheet.image(place.node, where, not_editable=stays, **around):
            unsafe_reasons = tuple(dict.fromkeys((*image.unsafe_reasons, *reasons)))
            yield from filled(image._replace(unsafe_reasons=unsafe_reasons), place.scopes, sheet.text)


def _follow(node: ScalarNode, scope: Scope, through: tuple[Value, ...], places: dict[int, _Place]) -> None:
    """Note the scalars at the end of whole expressions."""
    values = _values(node.value.strip(), scope) if len(through) < _DEEPEST else []
    for value in values:
        _follow(value.node, value.scope, (*through, value), places)
    if not values:
        place = places.setdefault(id(node), _Place(node, [], {}))
        place.scopes.append(scope)
        place.through.update(dict.fromkeys(through))


def _values(written: str, scope: Scope) -> list[Value]:
    """Return the values of a text that is one expression; none if it is none, or if one of them is not known."""
    values = scope(written) if VARIABLE.fullmatch(written) else []
    return [value for value in values if is_text(value.node)] if len(values) <= MOST_CHOICES else []


def filled(image: Image, scopes: Iterable[Scope], text: str) -> Iterator[Image]:
    """Yield an image with the values of its expressions, if they are known: as parts of its name where there is one
    value for each, else as choices of its tag; where its name has several, an image for each."""
    written = list(dict.fromkeys(match[0] for match in VARIABLE.finditer(image.ref.value)))
    choices = list(islice(_choices(written, scopes), MOST_CHOICES + 1)) if written and not image.parts else []
    known = [dict(zip(written, choice, strict=True)) for choice in choices if choice]
    if not known or len(known) < len(choices) or len(choices) > MOST_CHOICES:
        yield image
        return
    values = [value for choice in known for value in choice.values()]
    reasons = (reason for value in values for reason in value.reasons)
    image = image._replace(unsafe_reasons=tuple(dict.fromkeys((*image.unsafe_reasons, *reasons))))
    texts = dict.fromkeys(tuple((one, value.node.value) for one, value in choice.items()) for choice in known)
    whole = with_values(dict(next(iter(texts))), image.ref.value) if len(texts) == 1 else ""
    places = {tuple(value.node.start_mark.index for value in choice.values()): choice for choice in known}
    named = is_open(untagged(image.ref.value))
    joined = [_joined(image, choice, text) for choice in places.values()] if named or len(places) == 1 else []
    if len(joined) == 1 and joined[0]:
        yield joined[0]
    elif named and len({place for place, *_ in places}) == len(places) and all(joined):
        for one, choice in zip(filter(None, joined), places.values(), strict=True):
            first = traced(choice[written[0]].node, text)
            yield one._replace(start=first.start, end=first.end)
    elif named:
        line = str(text.count("\n", 0, values[0].node.start_mark.index) + 1)
        reason = image.not_editable or because("set-by-variable", name=bare(written[0]), line=line)
        yield image._replace(not_editable=reason, resolved=whole)
    else:
        yield image._replace(unsettled=(), choices=tuple(texts), resolved=whole)


def _choices(written: list[str], scopes: Iterable[Scope]) -> Iterator[tuple[Value, ...] | None]:
    """Yield the values that expressions have together; None where one of them is not known."""
    for scope in scopes:
        listed = [list(_ends(one, scope, _DEEPEST)) for one in written]
        if all(listed) and not any(is_open(value.node.value) for value in chain(*listed)):
            yield from product(*listed)
        else:
            yield None


def _ends(written: str, scope: Scope, left: int) -> Iterator[Value]:
    """Yield the values of an expression, and for those that are one themselves, their values."""
    for value in scope(written) if left else ():
        below = list(_ends(value.node.value.strip(), value.scope, left - 1)) if is_open(value.node.value) else []
        for end in below:
            yield end._replace(unsafe=end.unsafe or value.unsafe, shared=end.shared or value.shared)
        if not below:
            yield value


def _joined(image: Image, values: dict[str, Value], text: str) -> Image | None:
    """Return an image whose name is joined from what is written and from values; None if it could not be edited."""
    place, at = image.ref, 0
    pieces: list[tuple[Traced, Value | None]] = []
    for match in VARIABLE.finditer(place.value):
        pieces += [(place.cut(at, match.start()), None)] if at < match.start() else []
        pieces.append((traced(values[match[0]].node, text), values[match[0]]))
        at = match.end()
    pieces += [(place.cut(at, len(place.value)), None)] if at < len(place.value) else []
    ref = Traced.join(piece for piece, _ in pieces)
    if not (place.spans and ref.spans and ref.value):
        return None
    shared = [(*run, value.edited) for piece, value in pieces if value and value.edited for run in piece.spans]
    image = image._replace(unsettled=(), shared_spans=tuple(shared))
    end, at, bare = len(untagged(ref.value)), 0, False
    for piece, value in pieces:
        bare = bare or bool(value and not value.node.style and at >= end)
        at += len(piece.value)
    if not bare:
        return image._replace(ref=ref)
    name, tag = Traced.join(piece for piece, _ in pieces[:-1]), pieces[-1][0]
    name = name.cut(0, max(0, len(name.value) - 1))
    if len(name.value) != end or len(name.spans) != 1:
        return None  # what is left of an unquoted value could be read as a number
    parts = Parts(name, None, tag, bare=True)
    return image._replace(ref=Traced(ref.value, ()), parts=parts, depends_on=parts.places)


def together(images: Iterable[Image]) -> Iterator[Image]:
    """Yield each image once; where several uses share its text, with what holds for any of them."""
    found: dict[tuple[int, int], Image] = {}
    for image in images:
        known = found.setdefault((image.start, image.end), image)
        if known != image:
            found[image.start, image.end] = known._replace(
                not_editable=known.not_editable or image.not_editable,
                mounts=tuple(dict.fromkeys((*known.mounts, *image.mounts))),
                unsafe_reasons=tuple(dict.fromkeys((*known.unsafe_reasons, *image.unsafe_reasons))),
                needs_login=known.needs_login if not known.login else image.needs_login or known.needs_login,
                login=known.login if known.login == image.login else "",
            )
    yield from found.values()


def mentions(root: YamlNode | None, names: Callable[[str], Iterable[str]]) -> dict[str, list[ScalarNode]]:
    """Return the scalars, keys and values, that have names, given what returns the names in a text."""
    found: dict[str, list[ScalarNode]] = {}
    for pair in positions(root):
        for node in pair:
            if is_scalar(node):
                for one in dict.fromkeys(names(node.value)):
                    found.setdefault(one, []).append(node)
    return found
