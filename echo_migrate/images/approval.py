"""Which registries and images are approved, and which are excepted for a reason, until a day."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from echo_migrate.images.reference import parsed

_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")
_MIRROR = "mirror.gcr.io"
"""Google's cache of Docker Hub, which has all of its images."""
_LIBRARY = "library/"


class Exemption(NamedTuple):
    """An image, or a folder of a registry, that is excepted: for what reason, and until which day (ISO)."""

    image: str
    reason: str
    until: str

    def holds(self, today: str) -> bool:
        """Return whether it holds on a day."""
        return not today or today <= self.until


class Approval(NamedTuple):
    """What is approved, by the names of registries, folders and images, and what is excepted."""

    names: tuple[str, ...] = ()
    exemptions: tuple[Exemption, ...] = ()

    def approves(self, value: str) -> bool:
        """Return whether a reference is of an approved registry, folder or image."""
        return bool(re.match(pattern(self.names), value))

    def valid(self, today: str) -> tuple[Exemption, ...]:
        """Return the exemptions that hold on a day."""
        return tuple(one for one in self.exemptions if one.holds(today))

    def exempted(self, value: str) -> Exemption | None:
        """Return the exemption that names an image, whether it still holds or not: the last one to end, or None."""
        found = [one for one in self.exemptions if re.match(pattern([one.image]), value)]
        return max(found, key=lambda one: one.until, default=None)


def problem(name: str) -> str:
    """Return why a name can be no approved one, or ""."""
    plain = name.rstrip("/")
    if plain in _HUB or plain == _MIRROR:
        return "has the images of everyone: name an organisation or an image, as docker.io/OWNER"
    image = f"{plain}image" if plain.endswith("-") else f"{plain}/image" if _is_host(plain) else plain
    reference = parsed(image)
    if reference is None or reference.tag or reference.digest or set("$[]").intersection(name) or not name.isascii():
        return "is not HOST[:PORT][/PATH], or an image of Docker Hub without a tag"
    return ""


def pattern(names: Iterable[str]) -> str:
    """Return a regular expression (RE2) for references of images that the names approve: those of a registry or a
    folder, an image in any of Docker Hub's spellings, and names with a prefix that ends with a dash."""
    return f"^(?:{'|'.join(map(_alternative, names))})"


def _alternative(name: str) -> str:
    plain = name.rstrip("/")
    host, _, path = plain.partition("/")
    end = "" if plain.endswith("-") else "(?:[:@/]|$)"
    if _is_host(host) and host not in _HUB:
        return f"{_quoted(plain)}{'/' if not path else end}"
    path = path if host in _HUB else plain
    rest = path.removeprefix(_LIBRARY)
    library = f"(?:{_LIBRARY})?" if "/" not in rest else ""
    return f"(?:(?:{'|'.join(map(_quoted, _HUB))})/)?{library}{_quoted(rest)}{end}"


def _is_host(first: str) -> bool:
    host = first.partition("/")[0]
    return "." in host or ":" in host or host == "localhost"


def _quoted(text: str) -> str:
    return text.replace(".", "[.]")
