"""Credentials in the arguments of commands, and in texts: passwords, tokens, headers, connection strings."""

from collections.abc import Iterator
from itertools import pairwise
from posixpath import basename

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import Command

_PASSWORD = {
    **dict.fromkeys(
        ("docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oras", "crane"), ("-p", "--password")
    ),
    **dict.fromkeys(("mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin", "mariadb-dump"), ("-p",)),
    **dict.fromkeys(("mongo", "mongosh", "mongodump", "mongorestore"), ("-p", "--password")),
    "redis-cli": ("-a", "--pass"),
    "sshpass": ("-p",),
    "wget": ("--password", "--http-password", "--ftp-password"),
}
"""Options whose value is a password, by command (their manual pages)."""
_JOINED = frozenset(("mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin", "mariadb-dump"))
"""Commands that take the password only joined to ``-p``."""
_LOGIN = frozenset(("docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oras", "crane"))
_USER = {
    "curl": ("-u", "--user", "-U", "--proxy-user"),
    "http": ("-a", "--auth"),
    "skopeo": ("--creds", "--src-creds", "--dest-creds"),
}
"""Options whose value is a name and a password with a colon between them."""
_SETTING = lazy_regex(r"(?i)(?:^|[:.])_(?:auth|authtoken|password)$|(?:secret_access_key|session_token)$|authtoken$")
"""A setting whose value is a credential: ``npm config set //host/:_authToken``, ``aws configure set``."""
_SETS = frozenset(("aws configure", "npm config", "npm set", "pnpm config", "pnpm set", "yarn config"))
_TAKING = frozenset((*_PASSWORD, *_USER, *(one.partition(" ")[0] for one in _SETS), "chpasswd", "git"))
"""Commands that may be given a credential."""

_HEADER = lazy_regex(
    r"(?i)^(?:proxy-)?authorization: *+(?:basic|bearer|token)? *+([\w+/=.:~-]{8,})$"
    r"|^(?:private-token|job-token|x-[\w-]*(?:api-?key|token)|api-?key): *([\w+/=.:~-]{8,})$"
)
_EXTRA_HEADER = lazy_regex(r"(?i)http\.(?:\S{1,200}\.)?extraheader=")
"""A setting of git with a header that it sends (git-config(1))."""
_SPELLINGS = ("password", "pwd", "accountkey", "sharedaccesskey")
_SPOKEN = rf"\b(?:{'|'.join(_SPELLINGS)}) ?= ?([^;\s'\"]{{3,200}})"
_TEXTS = (
    lazy_regex(rf"(?i)\b[\w ]{{2,40}}=[^;=\n]{{1,200}};[^\n]{{0,400}}?{_SPOKEN}"),
    lazy_regex(rf"(?i){_SPOKEN}; ?[\w ]{{2,40}}="),
    lazy_regex(r"(?i)\bjdbc:[^\s'\"]{1,300}[?&;](?:password|pwd)=([^&;\s'\"]{3,200})"),
    lazy_regex(r"(?i):_(?:auth|authtoken|password) ?= ?[\"']?([\w+/=.:~-]{3,300})"),
    lazy_regex(r"(?i)\bmachine +\S{1,200} +login +\S{1,200} +password +([^\s'\"\\]{3,200})"),
)
"""Connection strings (of ADO.NET, Azure, JDBC), and lines of .npmrc and .netrc."""
_NEEDED = (*_SPELLINGS, "jdbc:", ":_", "machine")
"""Words in lowercase of which each text has one in which one of these patterns has a match."""


def may_be_in(text: str) -> bool:
    """Return whether ``in_text`` may find something in a text, or in a part of it."""
    small = text.casefold()
    return any(word in small for word in _NEEDED)


def in_text(text: str) -> list[str]:
    """Return the values that stand in a text as credentials: in connection strings, and lines of credentials files."""
    if ("=" not in text and " " not in text) or not may_be_in(text):  # as most words
        return []
    return [value for form in _TEXTS for value in form.findall(text)]


def in_command(command: Command, before: Command | None) -> Iterator[str]:
    """Yield the literal values in the words of a command that are credentials; ``before`` is the command before it."""
    if command.name not in _TAKING:
        return
    words = [word.value if word.known else "" for word in command.words]
    login = command.name not in _LOGIN or "login" in words or command.name == "skopeo"
    joined = command.name in _JOINED
    for option in _PASSWORD.get(command.name, ()) if login else ():
        yield from _values(words, option, joined)
    for option in _USER.get(command.name, ()):
        yield from (value.partition(":")[2] for value in _values(words, option))
    if command.name in ("curl", "wget", "http"):
        for option in ("-H", "--header"):
            for value in _values(words, option):
                match = _HEADER.match(value)
                yield (match[1] or match[2] or "") if match else ""
    if command.name == "git":
        headers = [after for word, after in pairwise(words) if word.casefold().endswith(".extraheader")]
        headers += [word[match.end() :] for word in words if (match := _EXTRA_HEADER.match(word))]
        yield from (match[1] or match[2] or "" for header in headers if (match := _HEADER.match(header)))
    if " ".join([command.name, *words[1:2]]) in _SETS:
        named = [word for word in words[2:] if word[:1] != "-" and word != "set"]
        yield from (value for key, value in pairwise(named) if _SETTING.search(key))
        yield from (value for key, _, value in (word.partition("=") for word in named) if _SETTING.search(key))
    if command.name == "chpasswd" and command.operator == "|" and before and before.name in ("echo", "printf"):
        pairs = [word.value.partition(":")[::2] for word in before.words[1:] if word.known]
        yield from (password.removesuffix("\\n") for user, password in pairs if password and password != user)


def options_of(command: Command) -> Iterator[tuple[str, str]]:
    """Yield the long options with their literal values after an equals sign, and the variables that are set."""
    for word in command.words[1:]:
        text = word.text.value
        if text[:2] == "--" and "=" in text and word.known:
            yield text[2 : text.index("=")], text[text.index("=") + 1 :]
    for name, word in command.assignments:
        if word.known:
            yield name, word.value


def _values(words: list[str], option: str, joined: bool = False) -> Iterator[str]:
    """Yield the values of an option: the next word, the text after an equals sign, or joined to a short one."""
    for i, word in enumerate(words[1:], 1):
        if word == option and not joined and i + 1 < len(words):
            yield words[i + 1]
        elif option[:2] == "--" and word.startswith(f"{option}="):
            yield word[len(option) + 1 :]
        elif option[:2] != "--" and word.startswith(option) and len(word) > len(option):
            yield word[len(option) :]


WRITERS = {
    "aws": ".aws",
    "bundle": ".bundle",
    "composer": "auth.json",
    "docker": ".docker",
    "git": ".gitconfig",
    "npm": ".npmrc",
    "pip": "pip.conf",
    "pnpm": ".npmrc",
    "poetry": "auth.toml",
    "yarn": ".yarnrc",
}
"""Programs that store what their ``config`` or ``login`` is given, with the file or folder they write."""
_STORING = frozenset(("config", "configure", "login", "set"))


def stores(command: Command) -> str:
    """Return the file or folder to which a command writes its configuration (``npm config set``), or ""."""
    words = [word.value for word in command.words[1:3] if word.value[:1] != "-"]
    return WRITERS.get(basename(command.name), "") if not _STORING.isdisjoint(words) else ""
