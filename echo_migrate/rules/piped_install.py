"""A remote script that is piped to a shell."""

from collections.abc import Iterator

from echo_migrate.dockerfile.downloads import address
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import INPUTS, SHELLS, Command, ShellArguments, reads_input
from echo_migrate.shell.package_managers import does

_SOURCING = frozenset(("eval", "source", "."))
_SUBSTITUTED = lazy_regex(r"(?:^|[;|\n]|&&|&\s)\s*(?:\$\(|`)")
"""A substitution whose output is the name of a command, and so a program, where a word is a script."""
_PROGRAMS = frozenset(("-c", "-e", "-E", "-r"))
"""Options whose value is a program: of Python; of Node.js, Perl and Ruby; of PHP."""

_NEWEST = {
    "bootstrap.pypa.io/get-pip.py": "install pip with the distribution's packages, or use a python image",
    "get.docker.com": "install a version of docker-ce-cli from Docker's apt repository",
    "getcomposer.org/installer": "use COPY --from=composer, with a version",
    "install.python-poetry.org": "install poetry with pip, with a version",
    "setup.deb.sh": "add the vendor's apt repository with its key",
    "setup.rpm.sh": "add the vendor's repository with its key",
    "sh.rustup.rs": "use a rust image, or download rustup-init of a version and verify its checksum",
}
"""What to do instead of running the installers of some vendors, whose address has no version: with the next one, a
checksum would break the build (pip.pypa.io; docs.docker.com/engine/install; hub.docker.com/_/composer;
python-poetry.org/docs; help.cloudsmith.io; rust-lang.github.io/rustup)."""


@rule(on=Stage, level="warning", also=("DD054",))
def piped_install(stage: Stage, context: Context) -> Iterator[Finding]:
    for run in stage.every_run:
        commands = run.commands if run.that("download") else ()
        for i, command in enumerate(commands):
            if does(command, "download") and (shell := _runs_it(commands, i)):
                url = next((word for word in command.arguments if "://" in word), "a script")
                message = f"remote script {address(url)} piped to {shell}: {_remedy(url)}"
                yield Finding(command.start, command.end, message)


def _remedy(url: str) -> str:
    """Return what to do instead: a checksum holds until what is at an address changes."""
    plain = url.strip("\"'").partition("://")[2].partition("?")[0].rstrip("/")
    found = next((remedy for end, remedy in _NEWEST.items() if f"/{plain}".endswith(f"/{end}")), "")
    return found or "download it to a file, verify its checksum, then run it"


def _runs_it(commands: tuple[Command, ...], i: int) -> str:
    """Return the interpreter that runs the output of a download, in a pipe or a substitution, or ""."""
    for later in commands[i + 1 :]:
        if later.operator not in ("|", "|&"):
            if "substitution" in later.inside:
                continue
            break
        if _reads_program(later):
            return later.name
    host = commands[i].host
    inner = [one for one in commands[i].inside if one in ("script", "substitution")]
    if host is not None and inner[-1:] == ["substitution"] and _is_program(commands[i], commands[host]):
        return commands[host].name
    return ""


def _is_program(command: Command, host: Command) -> bool:
    """Return whether what a command in a substitution prints is the program that its host runs, and no argument or
    variable of that: a command of the script behind ``-c`` or ``eval``, a file ``<(…)``, or the standard input."""
    words, name = host.words, host.name
    place = next((k for k, word in enumerate(words) if word.start <= command.start < word.end), 0)
    if not place:
        return _reads_program(host) and command.start > words[0].start
    value, before = words[place].value, words[place - 1].value
    is_file, is_script = value.startswith("<("), bool(_SUBSTITUTED.search(value))
    if name in _SOURCING:
        return (is_file or is_script) and (place == 1 or (place == 2 and before == "--"))
    if name in SHELLS:
        given = ShellArguments(host)
        first = len(words) - len(given.operands)
        if "c" in given.letters:
            return is_script and place == first
        return is_file and place <= first and "s" not in given.letters  # the value of --rcfile, or the first operand
    if not does(host, "interpret"):
        return False
    if is_file:
        return all(word[:1] == "-" for word in host.arguments[: place - 1])
    return before in _PROGRAMS and value.startswith(("$(", "`"))


def _reads_program(command: Command) -> bool:
    """Return whether a command takes its program from the standard input."""
    if command.name in (".", "source"):
        return not INPUTS.isdisjoint(command.arguments[:1])
    return (command.name in SHELLS or does(command, "interpret")) and not _has_program(command)


def _has_program(command: Command) -> bool:
    """Return whether an interpreter has its program in its arguments, so that the pipe is only data for it."""
    words = command.arguments
    if command.name in SHELLS:
        return not reads_input(command)
    return any(word[:1] != "-" or word in ("-c", "-e", "-m", "-ne", "-pe", "-n", "-r") for word in words if word != "-")
