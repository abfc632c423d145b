"""The logins to registries in a YAML file of a CI system: what the shells of its steps run, and inputs of actions."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, is_text, positions, traced
from echo_migrate.shell.parser import read
from echo_migrate.shell.registry_logins import account_in, logins_in, named_in, said_of, takes_back
from echo_migrate.shell.wrappers import Account

LOGIN = lazy_regex(r"(?m)^(?![ \t]*#).*\b(?:log(?:in|out)|registry)\b.*$")
"""A line of a registry login: ``registry:`` of docker/login-action, ``docker login`` and similar, or a logout."""

_CALLED = lazy_regex(r"\b(?:buildah|docker|nerdctl|podman)(?:[ \t]|\\?\r?\n)+log(?:in|out)\b")
_LOGOUT = lazy_regex(r"\b(?:buildah|docker|nerdctl|podman)[ \t]+logout\b")
_FILLED_IN = lazy_regex(r"\$\{\{[^{}]*\}\}|<<[ \t]*(?:parameters|pipeline|matrix)\.[\w.-]+[ \t]*>>")
_TOLD = frozenset(("description", "displayName", "label", "name", "title"))
"""Keys whose values nothing runs."""

_OTHER_SHELLS = ("cmd", "node", "perl", "powershell", "pwsh", "python")
"""Values of ``shell``, and keys of scripts, of what is no POSIX shell."""

_POWERSHELL = frozenset(("catch", "param", "try"))


class Login(NamedTuple):
    """The offset of a login, and what it says, its host where that is known. In its own script, ``until`` is the offset
    up to which it is certain (None: to the end). If it is ``gone``, those of its host, or all without one, are."""

    start: int
    said: str
    until: int | None = None
    gone: bool = False
    account: Account = ""

    def holds(self, offset: int, account: Account) -> bool:
        """Return whether it is a login that counts for a user at an offset, as far as its own script says."""
        served = not self.gone and self.account == account != "unsure"
        return served and (self.until is None or self.start <= offset < self.until)


def step_logins(text: str, roots: Iterable[YamlNode | None]) -> list[Login]:
    """Return the logins of a text and its documents, in their order. A line counts by its words, but for those of
    scripts that a POSIX shell can be shown to run: there, what only prints a login, or may not run, is none."""
    made: list[Login] = []
    read_whole: list[tuple[int, int]] = []
    if _CALLED.search(text):
        for start, end, logins in _scripts(text, roots):
            made += logins
            read_whole.append((start, end))
    read_whole.sort()
    for match in LOGIN.finditer(text):
        place = bisect_right(read_whole, (match.end(), len(text))) - 1
        if place < 0 or read_whole[place][1] <= match.start():
            gone = bool(_LOGOUT.search(match[0]))
            said = "" if gone else named_in(match[0])
            made.append(Login(match.start(), said, gone=gone, account=account_in(match[0])))
    return sorted(made, key=lambda one: one.start)


def kept(logins: list[Login], offset: int, account: Account) -> list[str]:
    """Return what those of the logins of a user say that are left at an offset behind them."""
    left: list[str] = []
    for login in logins:
        if login.gone:
            left = [said for said in left if not takes_back(login.said, said)]
        elif login.holds(offset, account):
            left.append(login.said)
    return left


def _scripts(text: str, roots: Iterable[YamlNode | None]) -> Iterator[tuple[int, int, list[Login]]]:
    """Yield where the scripts with logins are that can be read, each with its logins; none for titles."""
    seen: set[int] = set()
    for root in roots:
        for key, node in positions(root):
            if is_mapping(node) and _is_other(effective(node).get("shell")):
                seen |= {id(child) for child in effective(node).values()}
            if not is_text(node) or id(node) in seen or not _CALLED.search(node.value):
                continue
            seen.add(id(node))
            start, end = node.start_mark.index, node.end_mark.index
            if is_scalar(key) and key.value in _TOLD:
                yield start, end, []
            elif not _is_other(key):
                whole = traced(node, text)
                logins = _read(whole, text) if whole.spans else _read(Traced.of(node.value, 0, len(node.value)), "")
                if logins is not None:
                    yield start, end, logins if whole.spans else [one._replace(start=start) for one in logins]


def _read(script: Traced, text: str) -> list[Login] | None:
    """Return the logins of a script and the text of its source, None if it cannot be read whole as one of a shell. With
    no text, as where line breaks are folded, their places are not known: those that do not last are left out."""
    done = read(as_shells(script))
    if not done.certain or any(command.name in _POWERSHELL for command in done.commands):
        return None
    source = text or script.value
    logins: list[Login] = []
    for one in logins_in(done, source):
        start = one.command.start
        if one.gone:
            logins = [
                login._replace(until=start) if login.until is None and takes_back(one.host, login.said) else login
                for login in logins
            ]
            logins.append(Login(start, one.host or "", gone=True))
        else:
            said = one.host or said_of(one.command, source)
            logins.append(Login(start, said, one.until, account=one.command.account))
    return logins if text else [login for login in logins if login.until is None]


def as_shells(script: Traced) -> Traced:
    """Return a script in which what a CI system fills in is a shell variable of the same length."""
    return Traced(_FILLED_IN.sub(_as_name, script.value), script.spans)


def _is_other(node: YamlNode | None) -> bool:
    """Return whether a scalar names what is no POSIX shell."""
    return is_scalar(node) and node.value.startswith(_OTHER_SHELLS)


def _as_name(match: "re.Match[str]") -> str:
    """Return an expression as a shell variable of the same length."""
    return "${" + "_" * (len(match[0]) - 3) + "}"
