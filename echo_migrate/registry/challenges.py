"""What a registry answers to who may not see something: challenges (RFC 9110, section 11), and what is made of them."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from echo_migrate.registry.errors import Malformed
from echo_migrate.registry.names import PATH, hostname, is_host, is_loopback, token_servers

_LONGEST = 8000
_PART = re.compile(
    r'[\s,]*(?:(?P<key>[\w-]+)\s*=\s*(?:"(?P<quoted>(?>(?:[^"\\]|\\.)*))"|(?P<plain>[^\s,"]+))|(?P<scheme>[A-Za-z][\w-]*))'
)
_SCOPE = re.compile(r"(repository|registry):([^:\s]+):([\w,*-]+)")
_READING = ("pull", "metadata_read")
"""Actions in a repository that read; the second is Azure's for lists of tags. A registry's catalog has only ``*``."""

_SECOND_LEVEL = ("ac", "co", "com", "edu", "gov", "gouv", "gv", "ne", "net", "nom", "or", "org")
"""Names below which domains are registered in countries, as in ``co.uk``."""


class Challenge(NamedTuple):
    """How to log in: ``basic``, or at a token server, ``realm``, for a ``service`` and a ``scope``."""

    realm: str
    service: str
    scope: str

    @property
    def basic(self) -> bool:
        return not self.realm


def parsed(headers: list[str], host: str) -> Challenge | None:
    """Return the challenge that WWW-Authenticate headers have, a token server's before Basic; None if none is known.

    Raises ``Malformed`` for a realm that is no URL of a web server.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for header in headers:
        position, text = 0, header[:_LONGEST]
        while match := _PART.match(text, position):
            position = match.end()
            if match["scheme"]:
                found.append((match["scheme"].lower(), {}))
            elif found:
                quoted = match["quoted"]
                value = match["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                found[-1][1].setdefault(match["key"].lower(), value)
    for scheme, fields in found:
        if scheme == "bearer" and "realm" in fields:
            _check(fields["realm"], host)
            return Challenge(fields["realm"], fields.get("service", ""), fields.get("scope", ""))
    return Challenge("", "", "") if any(scheme == "basic" for scheme, _ in found) else None


def _check(realm: str, host: str) -> None:
    """Raise ``Malformed`` unless a realm is a plain URL of http or https."""
    try:
        parts = urlsplit(realm)
        valid = parts.scheme in ("http", "https") and is_host(parts.netloc)
    except ValueError:
        valid = False
    if not valid or not re.fullmatch(r"[!-~]{1,2000}", realm) or parts.fragment:
        raise Malformed(f"{host} names a token server whose address is not valid")


def scopes(asked: str, wanted: str) -> str:
    """Return the scope to ask for: what is wanted, and of what the registry names (``asked``) the parts that read.

    So no token that can write or delete is ever asked for, whatever a registry says.
    """
    found = dict.fromkeys(wanted.split())
    for kind, name, actions in _SCOPE.findall(asked[:_LONGEST]):
        allowed = _READING if kind == "repository" else ("*",)
        reading = [action for action in actions.split(",") if action in allowed]
        if reading and (PATH.fullmatch(name) if kind == "repository" else name == "catalog"):
            found.setdefault(f"{kind}:{name}:{','.join(reading)}")
    return " ".join(found)


def is_trusted(realm: str, origin: str, host: str) -> bool:
    """Return whether the credentials of a registry may be sent to a token server.

    ``origin`` is the URL at which the registry answers, ``host`` its name. The server must be asked by https, or be on
    the very host of a registry that is asked by http. Its host must be the registry's, or belong to the same owner:
    above it (``registry.gitlab.com`` and ``gitlab.com``) or beside it below one registered domain
    (``registry.example.com`` and ``auth.example.com``), or be known as that registry's (``mappings/registries.yaml``:
    ``auth.docker.io``). Everything else gets no credentials; it is asked for a token as anyone, by https alone. The
    registry itself, to which the user has logged in, can always ask for the credentials by Basic: the rule is against
    answers that are not the registry's own will.
    """
    theirs, ours = urlsplit(realm), urlsplit(origin)
    server, registry = hostname(theirs.netloc).lower(), hostname(ours.netloc).lower()
    if theirs.scheme != "https":
        return ours.scheme == "http" and (server == registry or (is_loopback(server) and is_loopback(registry)))
    if server == registry or (is_loopback(server) and is_loopback(registry)):
        return True
    if theirs.port in (None, 443) and server in token_servers(host):
        return True
    domain = _registered(registry)
    return bool(domain) and (server == domain or server.endswith(f".{domain}"))


def _registered(host: str) -> str:
    """Return the domain that the owner of a host has registered, by the form of its name; "" if it has none."""
    labels = host.split(".")
    if len(labels) < 2 or not labels[-1].isalpha():  # a number's last part is a number
        return ""
    wanted = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-wanted:]) if len(labels) >= wanted else ""
