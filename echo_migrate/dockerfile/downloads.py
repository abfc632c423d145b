"""What a command downloads, and how its address is told."""

from posixpath import basename, join

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import does

_USER = lazy_regex(r"//[^/]*@")
_URL = lazy_regex(r"(?i)^['\"]?(?:https?|ftp)://")
_LONGEST_ADDRESS = 80
"""The length in characters up to which a URL is shown whole."""


def downloads(command: Command) -> list[tuple[str, str]]:
    """Return the URLs that a download command fetches, each with its output file ("" for standard output or if not
    known)."""
    if not does(command, "download"):
        return []
    words = command.arguments
    urls = [word for word in words if _URL.match(word)]
    if not urls:
        return []
    written = next((redirect.target.value for redirect in command.redirects if redirect.operator in (">", ">>")), "")
    given, folder, remote = "", "", command.name == "wget"
    for word, value in zip(words, [*words[1:], ""], strict=True):
        short = word if word[:1] == "-" and word[1:2] != "-" else ""
        if command.name == "wget":
            if word.startswith("--output-document="):
                given = word.partition("=")[2]
            elif word == "--output-document" or short.endswith("O"):
                given = value
            elif short.startswith(("-O", "-qO", "-nvO")):
                given = short.partition("O")[2]
            elif word == "-P" or word == "--directory-prefix":
                folder = value
        elif word == "--output" or short.endswith("o"):
            given = value
        elif word.startswith("--output="):
            given = word.partition("=")[2]
        elif word == "--remote-name" or "O" in short:
            remote = True
        elif word == "--output-dir":
            folder = value
    if given in ("-", "/dev/stdout"):
        return [(url, written) for url in urls]
    if given:
        return [(urls[0], given)]
    return [(url, written or (join(folder, basename(url.partition("?")[0])) if remote else "")) for url in urls]


def address(url: str) -> str:
    """Return a URL for messages, without possible secrets: user information and query; of a long one host and file."""
    shown = _USER.sub("//", url).partition("?")[0]
    scheme, _, rest = shown.partition("//")
    host, _, path = rest.partition("/")
    return shown if len(shown) <= _LONGEST_ADDRESS else f"{scheme}//{host}/…/{path.rpartition('/')[2]}"
