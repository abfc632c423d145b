"""Where a repository is kept: its remote and its commit, read from its files without starting git."""

import os
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents

_LARGEST = 1_000_000
_SECTION = lazy_regex(r'\[\s*remote\s+"((?:[^"\\]|\\.)*)"\s*\]')
_URL = lazy_regex(r"(?i)url\s*=\s*(.*)")
_ADDRESS = lazy_regex(r"(?i)(https?|ssh|git(?:\+ssh)?)://(?:[^/@]*@)*([a-z0-9][a-z0-9.-]*)(:\d{1,5})?/([^?#]*)")
_SCP = lazy_regex(r"(?i)(?:[^/@:\s]*@)?([a-z0-9][a-z0-9.-]*\.[a-z0-9-]+):(?!//)([^?#]*)")
_PATH = lazy_regex(r"[\w.~%+ -]+(?:/[\w.~%+ -]+)+")
_COMMIT = lazy_regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH = lazy_regex(r"ref: (refs/heads/[^\s\0\\:?*\[~^]{1,200})\n?")


class Remote(NamedTuple):
    """The place of a repository at a forge: host name and path. ``scheme`` and ``port`` are those of a web address,
    https and "" for any other kind of remote. Credentials are never part of it."""

    host: str
    path: str
    scheme: str = "https"
    port: str = ""

    @property
    def base(self) -> str:
        """The web address of the repository."""
        from urllib.parse import quote

        return f"{self.scheme}://{self.host}{self.port}/{quote(self.path, safe='/%')}"


def remote_of(top: str) -> Remote | None:
    """Return the remote of the repository at a folder: ``origin``, or its only one; None if there is none at a host.

    The configuration is read as it is: nothing that it includes, and no rewriting of addresses (``insteadOf``).
    """
    urls: dict[str, str] = {}
    name = None
    for line in _read(top, "config").splitlines():
        line = line.strip()
        section = _SECTION.match(line)
        if section:
            name, line = section[1], line[section.end() :].strip()
        elif line.startswith("["):
            name = None
        found = _URL.match(line) if name is not None else None
        if found and name is not None:
            urls.setdefault(name, _value(found[1]))
    url = urls.get("origin") or (next(iter(urls.values())) if len(urls) == 1 else "")
    return parsed(url)


def parsed(url: str) -> Remote | None:
    """Return the remote that an address names; None for a path, or what is no address of a repository."""
    web, scp = _ADDRESS.fullmatch(url), _SCP.fullmatch(url)
    if web:
        scheme, host, port, path = web[1].lower(), web[2].lower(), web[3] or "", web[4]
        scheme, port = (scheme, port) if scheme in ("https", "http") else ("https", "")
    elif scp:
        scheme, host, port, path = "https", scp[1].lower(), "", scp[2]
    else:
        return None
    path = path.strip("/").removesuffix(".git")
    if host == "ssh.dev.azure.com" and path.startswith("v3/") and path.count("/") == 3:
        _, organisation, project, name = path.split("/")
        host, path = "dev.azure.com", f"{organisation}/{project}/_git/{name}"
    known = _PATH.fullmatch(path) and not {".", ".."} & set(path.split("/"))
    return Remote(host, path, scheme, port) if known else None


def revision_of(top: str) -> str:
    """Return the commit that the repository at a folder has checked out; "" if it cannot be told."""
    head = _read(top, "HEAD")
    branch = _BRANCH.fullmatch(head)
    if not branch:
        return head.strip() if _COMMIT.fullmatch(head.strip()) else ""
    if ".." in branch[1]:
        return ""
    commit = _read(top, branch[1]).strip()
    if not commit:
        ending = f" {branch[1]}"
        packed = _read(top, "packed-refs").splitlines()
        commit = next((line[: -len(ending)] for line in packed if line.endswith(ending)), "")
    return commit if _COMMIT.fullmatch(commit) else ""


def _read(top: str, name: str) -> str:
    """Return the text of a file of the repository's own folder ``.git``; "" if it is none, or leads out of it."""
    folder = os.path.join(top, ".git")
    path = os.path.join(folder, name)
    if os.path.islink(folder) or not os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep):
        return ""
    try:
        return contents(path, _LARGEST).decode("utf-8", "replace")
    except Unreadable:
        return ""


def _value(written: str) -> str:
    """Return a value of git's configuration: without a comment, unquoted."""
    value, quoted, escaped = "", False, False
    for ch in written:
        if escaped:
            value, escaped = value + ch, False
        elif ch == "\\":
            escaped = True
        elif ch == '"':
            quoted = not quoted
        elif ch in "#;" and not quoted:
            break
        else:
            value += ch
    return value.strip()
