"""What is known of images: upstream names, the provider's rows, distributions, hardened registries (``mappings/``)."""

import contextlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from echo_migrate.data import names, parse_yaml, read_data
from echo_migrate.reference import Reference, parse
from echo_migrate.source import Unreadable, contents

PROVIDER = "echo"
SHARED = ("commands.yaml", "eol.yaml", "presets.yaml", "publishers.yaml", "upstream.yaml")
KEYS = (
    *("provider", "title", "registry", "login", "family", "variants", "tags", "drop_in", "source", "date", "seen"),
    "images",
)
TAGS = ("unconfirmed", "listed", "unknown")
"""What is known of a provider's tags: nothing, but they are upstream's; all of them; neither."""


_KINDS: dict[str, tuple[type, str]] = {
    "images": (dict, "a table"),
    "seen": (list, "a list"),
    "variants": (list, "a list"),
    "drop_in": (bool, "true or false"),
}


class MappingError(ValueError):
    """A mapping file that cannot be used; the message names the file, the key and the remedy."""


class Upstream(NamedTuple):
    """A canonical upstream name. ``doubt`` says why the reference may mean something else, or asks for less; ``likely``
    that it is a guess, ``movable`` that a fix may be offered all the same."""

    name: str
    doubt: str = ""
    likely: bool = False
    movable: bool = True


class Row(NamedTuple):
    """One row: the words of a tag that its key names, and the provider's image; no image means refused.

    A version among the words also stands for its own patch versions (22 for 22.4.1). ``own`` is a user's row.
    """

    words: frozenset[str]
    image: str | None
    seen: bool
    own: bool = False


class Retired(NamedTuple):
    """What is gone or frozen: its name, since when ("" if not known), and what takes its place ("" if nothing)."""

    name: str
    since: str
    successor: str


class Facts(NamedTuple):
    """``mappings/upstream.yaml``: what holds whichever provider takes an image's place."""

    official: frozenset[str]
    names: frozenset[str]
    hub: frozenset[str]
    library: tuple[str, ...]
    architectures: frozenset[str]
    hardened: dict[str, str]
    vendors: dict[str, str]
    families: dict[str, frozenset[str]]
    variants: dict[str, frozenset[str]]
    words: dict[str, str]
    debian_releases: dict[str, str]
    stateful: dict[str, list[str]]
    linked: dict[str, list[str]]
    builders: frozenset[str]
    builder_words: frozenset[str]
    full: frozenset[str]
    retired_registries: tuple[Retired, ...]
    retired_images: dict[str, Retired]


class Catalog(NamedTuple):
    """A provider's images and the facts about upstream that every provider shares; ``own`` are the user's names.

    ``vendor`` is the provider whose data it is, whatever a user's file calls it. ``tags`` says what is known of its
    tags (``TAGS``); ``drop_in`` that its images are made to take upstream's place as they are, with files and paths.
    """

    vendor: str
    provider: str
    title: str
    registry: str
    login: str
    family: str
    variants: frozenset[str]
    tags: str
    drop_in: bool
    seen: frozenset[str]
    rows: dict[str, tuple[Row, ...]]
    own: frozenset[str]
    facts: Facts

    def __hash__(self) -> int:
        """By identity: one is loaded once, and what is concluded from it is kept."""
        return id(self)

    @lru_cache(maxsize=4096)  # noqa: B019 - as long as the process
    def upstream(self, reference: Reference) -> Upstream | None:
        """The canonical name of what a reference names, in whichever of its spellings; None if it is not known."""
        facts = self.facts
        path = self.path(reference)
        if path in facts.names or path in self.own:
            return Upstream(path)
        prefix, _, name = path.partition("/")
        if prefix in facts.architectures and name in facts.official:
            return Upstream(name, f"it asks for the architecture {prefix} by name")
        from echo_migrate.matching import NAMED, candidates

        best = next(iter(candidates(reference, self)), None)
        if best is None or best.score < NAMED:
            return None
        if best.own:
            return Upstream(best.upstream)
        return Upstream(best.upstream, "; ".join(best.reasons), True, best.movable)

    def path(self, reference: Reference) -> str:
        """A reference's name in its shortest spelling: that of Docker Hub without registry and ``library/``."""
        return shortest(reference.name, reference.registry, self.facts)

    def hardened(self, reference: Reference) -> str | None:
        """The hardened vendor whose registry a reference names, or None."""
        name = self.path(reference) + "/"
        if name.startswith(self.registry + "/"):
            return self.title
        return next((title for prefix, title in self.facts.hardened.items() if name.startswith(prefix + "/")), None)

    def retired(self, reference: Reference) -> Retired | None:
        """Whether an image is retired, itself or with its registry."""
        path = self.path(reference)
        found = (fact for fact in self.facts.retired_registries if path.startswith(fact.name + "/"))
        return self.facts.retired_images.get(path) or next(found, None)

    def row(self, name: str, words: frozenset[str]) -> Row | None:
        """The row that fits an upstream name and its tag's words best (the most words); a refusal goes first."""
        words = words | {line for word in words if word[:1].isdigit() for line in lines(word)}
        fitting = [row for key in ("*", name) for row in self.rows.get(key, ()) if row.words <= words]
        return min(fitting, key=lambda row: (row.image is not None, -len(row.words)), default=None)

    def word_family(self, word: str) -> str | None:
        """The distribution family that a variant word names: ``alpine3.20`` is alpine, ``jammy`` ubuntu."""
        return self.facts.words.get(word.rstrip("0123456789."))

    def release_number(self, word: str) -> str | None:
        """The number of a Debian release by its name."""
        return self.facts.debian_releases.get(word)

    def family_of(self, name: str) -> str | None:
        """The family that an upstream image is known to stand on where its tag has no distribution word."""
        return next((family for family, names in self.facts.families.items() if name in names), None)

    def publishes(self, name: str, word: str) -> bool:
        """Whether both the provider and the upstream image are known to have a variant."""
        return word in self.variants and name in self.facts.variants.get(word, ())


def lines(version: str) -> list[str]:
    """A version and the lines it belongs to, the longest first: 3.12.1, 3.12 and 3."""
    parts = version.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def providers() -> list[str]:
    """The names of the providers there is data for."""
    return [name.removesuffix(".yaml") for name in names() if name not in SHARED]


def shortest(name: str, registry: str, facts: Facts) -> str:
    """An image's name without what Docker Hub lets one leave out: the registry, and ``library/`` before one name."""
    if registry in facts.hub:
        name = name.removeprefix(f"{registry}/")
    prefix = next((prefix for prefix in facts.library if name.startswith(prefix + "/")), None)
    rest = name[len(prefix) + 1 :] if prefix else ""
    return rest if rest and "/" not in rest else name


@lru_cache
def load(provider: str = PROVIDER, registry: str = "", mapping: str = "") -> Catalog:
    """The provider's catalog, with a user's mapping file laid over and another registry put in its place.

    Raises ``MappingError`` for a file of the user's that does not have the form, and for a registry that is none.
    """
    data = read_data(f"{provider}.yaml")
    rows = _rows(data["images"], frozenset(data["seen"]))
    own: frozenset[str] = frozenset()
    if mapping:
        laid_over = _user_file(mapping)
        images = laid_over.get("images", {})
        vouched = frozenset(laid_over["seen"]) if "seen" in laid_over else None
        own = frozenset(_key(key)[0] for key in images) - {"*"}
        for name, new in _rows(images, vouched, own=True).items():
            words = {row.words for row in new}
            rows[name] = (*new, *[row for row in rows.get(name, ()) if row.words not in words])
        data |= {key: value for key, value in laid_over.items() if key not in ("images", "seen")}
    if registry:
        registry = registry.removeprefix("https://").rstrip("/")
        _check_reference(f"{registry}/image", "--registry: write HOST[:PORT][/PREFIX], without a login")
        data["registry"] = registry
    return Catalog(
        vendor=provider,
        provider=data["provider"],
        title=data["title"],
        registry=data["registry"],
        login="" if registry else data["login"],
        family=data["family"],
        variants=frozenset(data["variants"]),
        tags=data["tags"],
        drop_in=data["drop_in"],
        seen=frozenset(data["seen"]),
        rows=rows,
        own=own,
        facts=facts(),
    )


def _rows(images: dict[str, str | None], seen: frozenset[str] | None, own: bool = False) -> dict[str, tuple[Row, ...]]:
    """Rows by upstream name. ``seen`` None stands for all: whoever writes a mapping file vouches for its rows."""
    rows: dict[str, list[Row]] = {}
    for key, image in images.items():
        name, colon, words = _key(key)
        named = frozenset(words.lstrip("!").split("-")) if colon else frozenset[str]()
        known = seen is None or image in seen or "*" in seen
        rows.setdefault(name, []).append(Row(named, image, known, own))
    return {name: tuple(of_name) for name, of_name in rows.items()}


def _key(key: str) -> tuple[str, str, str]:
    """A row's key as name, colon and words; the name in its shortest spelling."""
    colon = key.find(":", key.rfind("/") + 1)
    name, words = (key, "") if colon < 0 else (key[:colon], key[colon + 1 :])
    with contextlib.suppress(ValueError):  # a faulty name is said where the file is checked
        name = shortest(name, parse(name).registry, facts())
    return name, ":" * (colon >= 0), words


@lru_cache
def facts() -> Facts:
    """The facts that every provider shares."""
    data = read_data("upstream.yaml")
    official = frozenset(data["official"]["images"])
    spellings, distributions = data["spellings"], data["distributions"]
    retired = {
        block: {name: Retired(name, str(fact["since"]), fact["successor"]) for name, fact in rows.items()}
        for block, rows in data["retired"].items()
        if block in ("registries", "images")
    }
    return Facts(
        official=official,
        names=official | frozenset(data["removed"]["images"]),
        hub=frozenset(spellings["hub"]),
        library=tuple(spellings["library"]),
        architectures=frozenset(spellings["architectures"]),
        hardened=data["hardened"]["registries"],
        vendors=dict(sorted(data["vendors"]["registries"].items(), key=lambda pair: -len(pair[0]))),
        families={family: frozenset(names) for family, names in data["families"]["images"].items()},
        variants={word: frozenset(names) for word, names in data["variants"]["images"].items()},
        words={word: family for family, words in distributions["words"].items() for word in words},
        debian_releases={word: str(number) for word, number in distributions["debian_releases"].items()},
        stateful=data["stateful"]["images"],
        linked=data["linked"]["images"],
        builders=frozenset(data["builders"]["images"]),
        builder_words=frozenset(data["builders"]["words"]),
        full=frozenset(data["builders"]["full"]),
        retired_registries=tuple(retired["registries"].values()),
        retired_images=retired["images"],
    )


def _user_file(path: str) -> dict[str, Any]:
    """Read a user's mapping file. What a file that is none holds is not shown: it may be any file."""
    text, data = _user_data(path)
    keys = [key for key in data if isinstance(key, str)] if isinstance(data, dict) else []
    if not isinstance(data, dict) or (data and not set(keys) & set(KEYS)):
        meant = next(((key, remedy) for key in keys[:20] if (remedy := near(key, KEYS))), None)
        where, remedy = (_line(text, meant[0]), meant[1]) if meant else ("", f"its keys are {', '.join(KEYS)}")
        raise MappingError(f"{path}{where}: is no mapping file: {remedy}")
    for key, value in data.items():
        where = f"{path}{_line(text, key)}"
        if key not in KEYS:
            remedy = near(str(key), KEYS) or f"known are {', '.join(KEYS)}"
            raise MappingError(f"{where}: unknown key{f' {key!r}' if 'images' in data else ''}: {remedy}")
        kind, words = _KINDS.get(key, (str, "a text"))
        if key != "date" and not isinstance(value, kind):
            raise MappingError(f"{where}: {key}: must be {words}")
        if key == "tags" and value not in TAGS:
            raise MappingError(f"{where}: tags: must be one of {', '.join(TAGS)}")
        if kind is str and isinstance(value, str) and not value.isprintable():
            raise MappingError(f"{where}: {key}: has characters that cannot be printed")
        if kind is list and not all(isinstance(item, str) for item in value):
            raise MappingError(f"{where}: {key}: must be a list of texts")
    for name, image in data.get("images", {}).items():
        if _is_row(name, image):
            continue
        where = f"{path}{_line(text, name)}: images: {name}:"
        if not isinstance(name, str) or not isinstance(image, str | None):
            raise MappingError(f"{where} write text on both sides (quote numbers)")
        if (":!" in name) != (image is None):
            raise MappingError(f"{where} only a key with ! has no image, and it has none")
        if image is not None:
            _check_reference(
                f"host.example/{image}", f"{where} {image} is no image name: write one without registry, tag and digest"
            )
    if "registry" in data:
        _check_reference(f"{data['registry']}/image", f"{path}: registry: is not HOST[:PORT][/PREFIX]")
    return data


def _is_row(name: Any, image: Any) -> bool:
    """Whether a pair is a row as it should be; if not, what is wrong with it is still to be said."""
    if not isinstance(name, str) or not isinstance(image, str | None) or (":!" in name) != (image is None):
        return False
    try:
        _check_reference(f"host.example/{image}", "")
    except MappingError:
        return image is None
    return True


def _user_data(path: str) -> tuple[str, Any]:
    """The text and the data of a user's YAML file. Raises ``MappingError``."""
    import yaml

    from echo_migrate.yamltext import NotYaml, bounded

    try:
        text = contents(path).decode()
        bounded(text)
        if "<<" in text:  # PyYAML's constructor copies what is merged, and merged again
            raise MappingError(f"{path}{_line(text, '<<')}: merge keys (<<) are not read here")
        return text, parse_yaml(text)
    except UnicodeDecodeError:
        raise MappingError(f"{path}: is not UTF-8") from None
    except (Unreadable, NotYaml) as error:
        raise MappingError(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, AttributeError, TypeError, RecursionError) as error:  # PyYAML raises these too
        if isinstance(error, MappingError):
            raise
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = str(getattr(error, "problem", None) or "")
        shown = f": {problem}" if problem and "'" not in problem and '"' not in problem else ""
        raise MappingError(f"{path}{where}: is not valid YAML{shown}") from None


def near(name: str, known: Iterable[str]) -> str:
    """ "did you mean …?" for a name that is not among the known ones, or nothing."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), 1)
    return f"did you mean {found[0]!r}?" if found else ""


def _line(text: str, key: object) -> str:
    """``:12``, the line on which a key stands."""
    found = re.search(rf"(?m)^[ \t]*[\"']?{re.escape(str(key))}", text)
    return f":{text.count(chr(10), 0, found.start()) + 1}" if found else ""


def _check_reference(name: str, message: str) -> None:
    try:
        reference = parse(name)
    except ValueError:
        raise MappingError(message) from None
    if not reference.registry or reference.tag is not None or reference.digest is not None or "$" in name:
        raise MappingError(message)
