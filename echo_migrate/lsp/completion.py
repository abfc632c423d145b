"""Names of hardened images and the tags that the provider is known to have, while a reference is written."""

from collections.abc import Iterable, Iterator

from lsprotocol import types

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import published
from echo_migrate.lsp.analysis import Analysis

TRIGGERS = ("/", ":")
_MOST = 500
_PLACE = lazy_regex(
    r"(?i)(?:^[ \t]*FROM[ \t]+(?:--[\w=./$-]+[ \t]+)*|--from=|\bimage[\"']?[ \t]*[:=][ \t]*)[\"']?([\w./:-]*)$"
)
"""The text of a line before the cursor, where that is in a reference; longer pieces come from no registry."""

_LONGEST = 500


def complete(analysis: Analysis, position: types.Position) -> types.CompletionList:
    """Return what may follow at a position: tags behind an image of the provider or one that it replaces, names of its
    images elsewhere in a reference."""
    offset = analysis.positions.offset(position)
    start, _ = analysis.positions.line(analysis.positions.line_of(offset))
    before = analysis.source.text[max(start, offset - _LONGEST) : offset]
    place = _PLACE.search(before)
    if analysis.result is None or place is None:
        return types.CompletionList(False, [])
    written = place[1]
    catalog = analysis.settings.catalog
    image, colon, tag = written.removeprefix(f"{catalog.registry}/").partition(":")
    if colon and "/" not in tag:
        found: Iterable[tuple[str, str]] = _tags(image, catalog, written.startswith(f"{catalog.registry}/"))
        typed = tag
    else:
        found, typed = _names(catalog), written
    matching = [one for one in found if typed.lower() in one[0].lower()]
    where = analysis.positions.range(offset - len(typed), offset)
    items = [
        types.CompletionItem(
            new,
            kind=types.CompletionItemKind.Value,
            detail=detail,
            filter_text=new if typed in new else f"{typed}{new}",
            sort_text=f"{number:05}",
            text_edit=types.TextEdit(where, new),
        )
        for number, (new, detail) in enumerate(matching[:_MOST])
    ]
    return types.CompletionList(len(matching) > _MOST, items)


def _names(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield the images of the provider, each with the upstream image that it stands for."""
    found: dict[str, str] = {}
    for upstream, rows in catalog.rows.items():
        for row in rows:
            if row.image and upstream != "*":
                found.setdefault(row.image, upstream)
    for image in sorted(found):
        yield f"{catalog.registry}/{image}", f"hardened {found[image]}"


def _tags(name: str, catalog: Catalog, hardened: bool) -> Iterator[tuple[str, str]]:
    """Yield the tags that are known of an image of the provider: of the one that replaces an upstream image, if that is
    what is written."""
    images = [name] if hardened else [row.image for row in catalog.rows.get(name, ()) if row.image and not row.words]
    for image in images:
        for tag in sorted(published(image, catalog), key=_newest_first):
            yield tag, f"{catalog.registry}/{image}"


def _newest_first(tag: str) -> tuple[tuple[int, ...], int, str]:
    """Return the key by which tags are sorted: higher versions first, then the shorter."""
    numbers = tuple(-int(one) for one in tag.partition("-")[0].removeprefix("v").split(".") if one.isdecimal())
    return numbers or (1,), len(tag), tag
