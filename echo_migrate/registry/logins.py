"""Logins to registries, from where Docker, Podman and CI systems keep them; the first place that has one counts:

1. ``DOCKER_AUTH_CONFIG`` (the text of a Docker configuration, as GitLab and Docker read it)
2. the file that ``REGISTRY_AUTH_FILE`` names
3. Docker's ``config.json`` in ``DOCKER_CONFIG``, else in ``~/.docker``
4. Podman's ``auth.json`` in ``$XDG_RUNTIME_DIR/containers``, then in ``~/.config/containers`` (``XDG_CONFIG_HOME``)
5. GitLab's variables of a job: ``CI_REGISTRY``, ``CI_DEPENDENCY_PROXY_SERVER`` with their users and passwords

Within one: ``credHelpers`` for the host, then the longest key of ``auths`` that is the repository or a namespace of it
(containers-auth.json(5)), then ``credsStore``. All of these are the user's; no file of a checked tree is looked for,
and a credential helper runs only if one of them names it and an absolute folder of PATH outside the working folder has
it.
"""

import base64
import binascii
import json
import os
import re
import threading
from typing import Any

from echo_migrate.images.reference import HUB
from echo_migrate.registry.errors import RegistryError
from echo_migrate.registry.names import canonical, printable

HUB_KEY = "https://index.docker.io/v1/"
"""The key under which Docker keeps the login to Docker Hub."""

IDENTITY = "<token>"
"""The user name by which a helper says that the secret is an identity token."""

_LARGEST = 5_000_000
_SCHEME = re.compile(r"[a-z]{2,5}://", re.IGNORECASE)
_API = re.compile(r"v[12](?:/|$)")


class Login:
    """A user name and a password, or an identity token to get access tokens with. Its ``repr`` shows none of them."""

    __slots__ = ("identity_token", "password", "username")

    def __init__(self, username: str, password: str, identity_token: str = "") -> None:
        self.username = username
        self.password = password
        self.identity_token = identity_token

    def __repr__(self) -> str:
        return "Login(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Login) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)

    def __reduce__(self) -> Any:
        raise TypeError("a login is not written anywhere")

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"

    @property
    def _all(self) -> tuple[str, str, str]:
        return self.username, self.password, self.identity_token


class Logins:
    """The logins of the user; files are read, and helpers run, when a registry is first asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Login | RegistryError | None] = {}
        self._files: list[dict[str, Any]] | None = None

    def __repr__(self) -> str:
        return "Logins(…)"

    def for_(self, name: str) -> Login | None:
        """Return the login for a registry, ``host``, or for a repository, ``host/path``; None if there is none.

        Raises ``RegistryError`` if a place that should have it cannot be read, or its helper fails.
        """
        host, slash, path = name.partition("/")
        name = canonical(host) + slash + path
        with self._lock:
            if name not in self._known:
                try:
                    self._known[name] = self._found(name)
                except RegistryError as error:
                    self._known[name] = error
            found = self._known[name]
        if isinstance(found, RegistryError):
            raise RegistryError(found.message, found.remedy)
        return found

    def _found(self, name: str) -> Login | None:
        if self._files is None:
            self._files = _configurations()
        for configuration in self._files:
            login = _in_configuration(configuration, name)
            if login:
                return login
        return _of_a_job(name.partition("/")[0])


def _configurations() -> list[dict[str, Any]]:
    """Return the configurations that there are, in their order."""
    found = []
    if os.environ.get("DOCKER_AUTH_CONFIG"):
        found.append(_parsed(os.environ["DOCKER_AUTH_CONFIG"], "DOCKER_AUTH_CONFIG"))
    for path in _paths():
        text = _text(path)
        if text is not None:
            found.append(_parsed(text, path))
    return found


def _paths() -> list[str]:
    home = os.path.expanduser("~")
    docker = os.environ.get("DOCKER_CONFIG") or os.path.join(home, ".docker")
    runtime, config = os.environ.get("XDG_RUNTIME_DIR", ""), os.environ.get("XDG_CONFIG_HOME", "")
    paths = [os.environ.get("REGISTRY_AUTH_FILE", ""), os.path.join(docker, "config.json")]
    paths += [os.path.join(runtime, "containers", "auth.json")] if runtime else []
    return [*filter(None, paths), os.path.join(config or os.path.join(home, ".config"), "containers", "auth.json")]


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RegistryError(f"{printable(path, 1000)} cannot be read: {(error.strerror or 'error').lower()}") from None


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        data = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise RegistryError(f"{printable(where, 1000)} is not valid JSON", "log in again, or mend the file")
    return data


def _in_configuration(configuration: dict[str, Any], name: str) -> Login | None:
    """Return the login that one configuration has for a registry or repository."""
    host = name.partition("/")[0]
    for key, helper in _mapping(configuration.get("credHelpers")).items():
        if isinstance(helper, str) and _normal(key) == host:
            login = _of_helper(helper, HUB_KEY if host == HUB else key)
            if login:
                return login
    auths = {_normal(key): entry for key, entry in _mapping(configuration.get("auths")).items()}
    prefix = name
    while prefix:
        login = _entry(auths.get(prefix))
        if login:
            return login
        prefix = prefix.rpartition("/")[0]
    store = configuration.get("credsStore")
    if isinstance(store, str) and store:
        return _of_helper(store, HUB_KEY if host == HUB else host)
    return None


def _of_helper(helper: str, server: str) -> Login | None:
    from echo_migrate.registry import helpers

    found = helpers.get(helper, server)
    if found is None:
        return None
    return Login("", "", found[1]) if found[0] == IDENTITY else Login(*found)


def _normal(key: str) -> str:
    """Return the host, or host and namespace, that a key names: Docker's have a scheme and the path of the API."""
    scheme = _SCHEME.match(key)
    host, _, path = (key[scheme.end() :] if scheme else key).partition("/")
    path = "" if scheme or _API.match(path) else path.rstrip("/")
    return canonical(host) + (f"/{path}" if path else "")


def _entry(data: Any) -> Login | None:
    """Return the login in an entry of ``auths``; Docker leaves empty ones for what a store has."""
    entry = {key: value for key, value in _mapping(data).items() if isinstance(value, str)}
    username, password = entry.get("username", ""), entry.get("password", "")
    token = entry.get("identitytoken", "")
    if entry.get("auth"):
        try:
            decoded = base64.b64decode(entry["auth"], validate=False).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
        username, _, password = decoded.partition(":")
        password = password.rstrip("\0")
    return Login(username, password, token) if token or (username and password) else None


def _of_a_job(host: str) -> Login | None:
    """Return the login that GitLab gives to a job, for its own registry and its proxy of Docker Hub."""
    for server, user, password in (
        ("CI_REGISTRY", "CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD"),
        ("CI_DEPENDENCY_PROXY_SERVER", "CI_DEPENDENCY_PROXY_USER", "CI_DEPENDENCY_PROXY_PASSWORD"),
    ):
        given = [os.environ.get(name, "") for name in (server, user, password)]
        named = _normal(given[0]).partition("/")[0].removesuffix(":443")
        if all(given) and named == host.removesuffix(":443"):
            return Login(given[1], given[2])
    return None


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
