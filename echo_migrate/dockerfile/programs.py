"""Programs that a stage or container may have in addition to those of its base image.

All answers are conservative: a program that may be present counts as present.
"""

import re
from collections.abc import Collection, Iterable
from posixpath import basename

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import ARCHIVE, absolute
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.facts import FOLDERS, ImageFacts, lacks_manager
from echo_migrate.shell.commands import SHELLS, Command, as_command
from echo_migrate.shell.package_managers import Call, call, data, does, package_name
from echo_migrate.shell.parser import run_by

SHELL_PROGRAMS = SHELLS | {"busybox", "busybox.static", "sh.static", "toybox"}
_ON_PATH = frozenset(
    (
        "/",
        "/bin",
        "/busybox",
        "/sbin",
        "/usr",
        "/usr/bin",
        "/usr/local",
        "/usr/local/bin",
        "/usr/local/sbin",
        "/usr/sbin",
    )
)
"""The folders of the usual PATH, and their parents."""
_OF_DISTRIBUTION = frozenset(("/", "/bin", "/busybox", "/sbin", "/usr", "/usr/bin", "/usr/sbin"))
"""Where distributions have their programs, and the parents of these: what others put elsewhere is none of theirs."""
_ENDS_OF_PATH = frozenset(("", ".", "..", *(basename(folder) for folder in _ON_PATH)))
_FILE = lazy_regex(
    r"(?i)\.(?:c?js|cfg|conf|crt|css|html?|ini|[jw]ar|json|key|lock|md|mjs|mod|pem|php|properties|py|rb|sh|sql|sum|toml|ts"
    r"|txt|xml|ya?ml)$|^(?:gem|make|pip|proc|rake)file$"
)
_COMPILERS = ("build-base", "build-essential", "base-devel", "gcc")
_PROVIDERS = {
    **dict.fromkeys(
        ("ar", "as", "ld", "strip"), ("binutils", "g++", *_COMPILERS)
    ),  # g++ depends on gcc, and that on it
    **dict.fromkeys(("c++", "cc", "cpp", "g++", "gcc"), ("g++", *_COMPILERS)),
    **dict.fromkeys(("bunzip2", "bzip2"), ("bzip2", "build-essential", "dpkg-dev")),
    "bzr": ("breezy", "brz"),
    **dict.fromkeys(("convert", "identify", "mogrify"), ("imagemagick", "ImageMagick")),
    "curl-config": ("curl -dev",),
    **dict.fromkeys(("dig", "nslookup"), ("bind", "dnsutils")),
    **dict.fromkeys(("dpkg-architecture", "dpkg-buildpackage"), ("dpkg-dev", "build-essential", "debhelper")),
    **dict.fromkeys(("getcap", "setcap"), ("libcap",)),
    **dict.fromkeys(
        ("chpasswd", "groupadd", "groupdel", "groupmod", "useradd", "userdel", "usermod"),
        ("adduser", "passwd", "shadow"),
    ),
    **dict.fromkeys(("ifconfig", "netstat"), ("net-tools",)),
    **dict.fromkeys(("pgrep", "pkill", "ps", "top", "uptime", "watch"), ("procps",)),
    **dict.fromkeys(("dirmngr", "gpg", "gpg2"), ("gnupg",)),
    **dict.fromkeys(("scp", "sftp", "ssh-add", "ssh-agent", "ssh-keygen", "ssh-keyscan"), ("ssh",)),
    "hg": ("mercurial",),
    "killall": ("psmisc",),
    "libtoolize": ("libtool",),
    "m4": ("autoconf", "bison"),
    "make": _COMPILERS,
    "mysql_config": ("MariaDB -dev", "mariadb -dev", "mysql -dev"),
    "nc": ("netcat",),
    "ncat": ("nmap",),
    **dict.fromkeys(
        (
            "cpan",
            "json_pp",
            "perl-modules",
            "perldoc",
            "pod2html",
            "pod2man",
            "pod2text",
            "pod2usage",
            "prove",
            "shasum",
        ),
        ("perl", "lib -perl", "git", "autoconf", "automake", "build-essential", "dpkg-dev"),
    ),
    "ping": ("iputils",),
    "pg_config": ("libpq -dev", "postgres -dev"),
    "pkg-config": ("pkgconf",),
    "python3": ("python", "mercurial", "ansible", "awscli", "certbot", "supervisor"),
    "sh": ("bash",),
    "svn": ("subversion",),
    "wget": ("-installer",),
    "xml2-config": ("libxml2-dev", "libxslt -dev"),
    "xslt-config": ("libxslt -dev",),
    "xxd": ("vim",),
    "xz": ("build-essential", "dpkg-dev"),
}
"""By program, parts of the names of packages that provide it under another name (installer packages need wget);
with a space between them, those that one name has both. Clients and libraries do not have what their headers bring."""
_WITH_PROGRAMS = lazy_regex(r"-(?:bin|client|programs|progs|tools|utils)\b|^lib(?:reoffice|tool)")
"""Names of packages that begin as those of libraries and have programs (Debian Policy, 8.2)."""
_PACKAGED = ("tool", "own", "along", "of perl")
"""Kinds of programs that distributions have packages of (``mappings/commands.yaml``, does)."""
_SCRIPT = lazy_regex(r"[^-+]|$")
_WRITTEN = lazy_regex(r"[$<]\(")
"""A word behind a shell that names a script, and one that stands for what a command writes."""
_LOOKS_UP = frozenset(("command", "hash", "type", "which"))
"""Commands that name a program to find it."""
_MOVERS = ("cp", "install", "ln", "mv")
_HEREDOC = lazy_regex(r"<<-?")
_INSTALLERS = {
    "dpkg": (("apt-get",), ("i", "install", "unpack")),
    "rpm": (("dnf", "zypper"), ("iUF", "install", "upgrade", "freshen")),
}
"""Programs that unpack packages: the managers whose distributions have them, and the options that install (dpkg(1),
rpm(8)). Their other options ask, or change settings."""
_EXTRACTS = ("xX", "extract", "vextract")
"""The options of dpkg that unpack into the folder named last."""
_FOLDER_OPTIONS = lazy_regex(r"(?:^ \w*C| -\w*[Cd](?=[ =/$])| --directory)[= ]?(\S+) | -o(\S+) ")
"""Where tar (``-C``), unzip (``-d``) and 7z (``-o``) unpack to."""


_PART = lazy_regex(r"[A-Za-z0-9]+")
"""A word of the name of a stage or an image, which may be that of its program."""


def may_provide(
    node: Stage | Container,
    base: ImageFacts,
    names: Collection[str],
    before: int | None = None,
    likely: bool = False,
    dockerfile: str = "",
) -> bool:
    """Return whether a stage (or a parent stage) or container may have one of the named programs, though its base image
    lacks them.

    ``before`` limits this to the instructions and commands before a source offset. With ``likely``, a command counts
    only if it installs or writes the program, or is a script, and not if it merely could do so; nor does a volume at a
    path that is not known, nor a copied folder that most likely has no such program: the names are then those of
    programs that a distribution has. ``dockerfile`` is the path of the file with the stage, "" if it is not known.
    """
    if isinstance(node, Container):
        covered = [path for path in node.mounts if not (likely and path == "/")]  # that stands for an unknown path
        if any(path in _ON_PATH or basename(path) in names for path in covered):
            return True
        run = [command for launch in node.entered for command in launch.script.commands]
        commands = [command for command in run if before is None or command.end <= before]
        if any(_command_makes(command, call(command), base, names, likely) for command in commands):
            return True
    stage = stage_of(node)
    for one in stage.lineage if stage else ():
        copies = [copy for copy in one.copies if before is None or copy.instruction.start < before]
        copies = [copy for copy in copies if not (likely and _is_a_project(copy))]
        copies = [copy for copy in copies if stage and _brings(copy, stage, names)]
        if copies and (not likely or _likely_has(one, copies, names, dockerfile)):
            return True
        runs = [run for run in one.runs if before is None or run.instruction.start < before]
        if any(_makes(run, base, names, before, likely) for run in runs):
            return True
    return False


def makes(commands: Iterable[Command], base: ImageFacts, names: Collection[str]) -> bool:
    """Return whether one of the commands of a script likely installs or writes one of the named programs."""
    return any(_command_makes(command, call(command), base, names, likely=True) for command in commands)


def mounted(run: Run, names: Collection[str]) -> bool:
    """Return whether a bind mount of a RUN may provide one of the named programs."""
    return any(
        mount.target in _ON_PATH or basename(mount.target) in names or basename(mount.source) in names
        for mount in run.mounts
        if mount.kind == "bind"
    )


def _is_a_project(copy: Copy) -> bool:
    """Return whether a COPY brings the whole build context to ``/``, or to the WORKDIR of the base image: a repository
    seldom has the folders of programs."""
    here = copy.target == "/" or (copy.target is None and copy.written.value in (".", "./"))
    return here and not copy.origin and all(source.value in (".", "./") for source in copy.sources)


def _brings(copy: Copy, stage: Stage, names: Collection[str]) -> bool:
    """Return whether a COPY or ADD in a stage or its parents may add one of the named programs."""
    sources = [word.value for word in copy.sources]
    written = copy.written.value
    if basename(written) in names or any(basename(source.rstrip("/")) in names for source in sources):
        return True
    if copy.target is None:
        found = "$" in written or basename(written.rstrip("/")) in _ENDS_OF_PATH
    else:
        found = _on_path(copy.target.rstrip("/*") or "/", stage.environment.get("PATH", ""))
    if found and any(_HEREDOC.sub("", source) in names for source in sources if _HEREDOC.match(source)):
        return True  # a file with the name of its delimiter
    found = found or (copy.instruction.verb == "add" and any(map(ARCHIVE.search, sources)))
    return found and not all(_is_file(source, written, stage) for source in sources)


def _is_named(copy: Copy, names: Collection[str]) -> bool:
    """Return whether a COPY or ADD names one of the programs."""
    words = (copy.written, *copy.sources)
    return any(basename(_HEREDOC.sub("", word.value.rstrip("/"))) in names for word in words)


def _likely_has(stage: Stage, copies: list[Copy], names: Collection[str], dockerfile: str) -> bool:
    """Return whether copies to PATH in a stage likely bring one of the named programs of a distribution: by its name,
    with a folder that distributions have programs in, an archive, or a folder to which a stage, or the build context,
    brings it."""
    from echo_migrate.dockerfile.context_files import is_in_context  # few stages copy folders to PATH

    waiting: list[tuple[Stage, Copy, tuple[str, ...]]] = [(stage, copy, FOLDERS) for copy in copies]
    asked: set[tuple[int, str]] = set()
    while waiting:
        stage, copy, folders = waiting.pop()
        if _is_named(copy, names) or not set(names).isdisjoint(_PART.findall(copy.origin)):
            return True
        if not copy.origin:
            archive = copy.instruction.verb == "add" and any(ARCHIVE.search(source.value) for source in copy.sources)
            wanted = [f"{folder}/{name}" for folder in folders for name in names]
            if archive or is_in_context(wanted, copy, dockerfile):
                return True
            continue
        other = stage.preceding(copy.origin)
        for folder in [source.value.rstrip("/*") or "/" for source in copy.sources]:
            if folder in _OF_DISTRIBUTION or basename(folder) in SHELL_PROGRAMS:
                return True
            if not other or (other.number, folder) in asked:
                continue
            asked.add((other.number, folder))
            if any(_fills(run, folder, names) for one in other.lineage for run in one.runs):
                return True
            below = (folder, *[f"{folder}{end}" for end in ("/bin", "/usr/bin", "/usr/local/bin")])
            brought = [(one, copy) for one in other.lineage for copy in one.copies]
            waiting += [(one, copy, below) for one, copy in brought if _is_below(copy.target, folder)]
    return False


def _is_below(target: str | None, folder: str) -> bool:
    """Return whether one of two folders is, or may be, in the other."""
    one, two = f"{(target or '').rstrip('/')}/", f"{folder}/"
    return target is None or one.startswith(two) or two.startswith(one)


def _fills(run: Run, folder: str, names: Collection[str]) -> bool:
    """Return whether a RUN likely makes one of the named programs in a folder away from those of the distribution: what
    its package manager installs is in these, unless the command names the folder."""
    if run.script is None:
        return True
    base = ImageFacts()  # that of the other stage need not be known
    calls = {call.command.start: call for call in run.calls}
    for command in run.commands:
        one = calls.get(command.start)
        if not any(folder in word for word in command.arguments):
            if one and one.manager.system:
                continue
            if does(command, "unpack") and not _lands_on_path(command, run, base):
                continue
        if _command_makes(command, one, base, names, likely=True):
            return True
    return False


def _on_path(folder: str, path: str) -> bool:
    """Return whether a folder is on PATH, or a parent of one that is: the usual folders, and those in ``path``."""
    added = [one.rstrip("/") for one in path.split(":") if one and one not in ("$PATH", "${PATH}")]
    return folder in _ON_PATH or any(f"{one}/".startswith(f"{folder}/") or "$" in one for one in added)


def _is_file(source: str, written: str, stage: Stage) -> bool:
    """Return whether a copied source is certainly a single file that is not one of the named programs: by its suffix,
    that of its target, as a heredoc, or because a container starts it by that name."""
    if _HEREDOC.match(source):
        return True
    name = basename(source)
    if not name or ARCHIVE.search(name) or re.search(r"[$*?\[]", source):
        return False
    if _FILE.search(name) or _FILE.search(written):
        return True
    started = {basename(one.words[0]) for above in stage.lineage for one in above.start_commands if one.words}
    return name in started


def _makes(run: Run, base: ImageFacts, names: Collection[str], before: int | None, likely: bool) -> bool:
    """Return whether a RUN may create or install one of the named programs, with its commands before an offset."""
    if run.script is None or not (likely or run.script.certain):
        return base.shell is not False
    if run.shell_form and base.shell is False and not mounted(run, SHELL_PROGRAMS):
        return False  # it cannot run: callers check separately for a shell from elsewhere
    calls = {call.command.start: call for call in run.calls}
    commands = [command for command in run.commands if before is None or command.end <= before]
    if likely:
        read = {id(run.commands[one.host]) for one in run.commands if one.host is not None}  # by what they run
        commands = [one for one in commands if id(one) not in read]
        commands = [one for one in commands if not does(one, "unpack") or _lands_on_path(one, run, base)]
    return any(_command_makes(command, calls.get(command.start), base, names, likely) for command in commands)


def _lands_on_path(command: Command, run: Run, base: ImageFacts) -> bool:
    """Return whether a command that may unpack is likely to do so where programs are found: not one that lists, creates
    or only asks, nor a package of another distribution than the base's, nor one for a folder away from PATH."""
    words = command.arguments
    if command.name in _INSTALLERS:
        managers, options = _INSTALLERS[command.name]
        if any(_is_option(word, *options) for word in words):  # to the paths that the package names
            return base.family is None or any(base.family in data().managers[name].families for name in managers)
        return any(_is_option(word, *_EXTRACTS) for word in words) and _on_path(words[-1].rstrip("/") or "/", "")
    if command.name in ("bsdtar", "tar"):
        old = [f"-{word}" for word in words[:1] if not word.startswith("-")]  # tar xzf
        if not any(_is_option(word, "x", "extract", "get") for word in (*old, *words)):
            return False
        if any(_is_option(word, "P", "absolute-names") for word in (*old, *words)) or any(
            "C" in one[:-1] for one in old
        ):
            return True
    into = _FOLDER_OPTIONS.search(" ".join(["", *words, ""]))
    folder = absolute(into[1] or into[2] if into else ".", run, command)
    return folder is None or _on_path(folder.rstrip("/") or "/", run.environment.get("PATH", ""))


def _is_option(word: str, short: str, *long: str) -> bool:
    """Return whether a word is one of the options: in letters, such as ``xz`` in ``-xzf``, or in full."""
    if word.startswith("--"):
        return word[2:].partition("=")[0] in long
    return word.startswith("-") and any(letter in word[1:] for letter in short)


def _command_makes(command: Command, call: Call | None, base: ImageFacts, names: Collection[str], likely: bool) -> bool:
    if call and call.action in ("install", "upgrade"):
        if call.manager.system and lacks_manager(base, call.manager.name, call.manager.families):
            return False
        unknown = call.opaque or "xargs" in command.via or any(not word.known for word in call.packages)
        return unknown or any(_provides(package_name(word), names, likely) for word in call.packages)
    if call or not command.words or command.name in _LOOKS_UP:
        return False
    if any(basename(one.target.value) in names for one in command.redirects) or does(command, "unpack"):
        return True
    words = [word.value for word in command.words[1:]]
    if any(basename(word) in names for word in words):
        return command.name not in SHELLS or "/" in "".join(words)
    if command.name in _MOVERS and words and (words[-1].rstrip("/") or "/") in _ON_PATH:
        return True
    if likely:
        if _is_an_installer(command):
            return not all(map(_of_a_distribution, names))
        if "/" in command.words[0].value:
            return not does(command, "plain") and not does(command, "build")
        return command.name in SHELLS and any(map(_SCRIPT.match, words)) and run_by(command) is None
    return not does(command, "plain") and not does(command, "check")


def _is_an_installer(command: Command) -> bool:
    """Return whether a command runs what another one writes or downloads: ``curl … | sh``, ``sh -c "$(curl …)"``."""
    first, *words = [word.value for word in command.words]
    if first.startswith("$("):
        return "/" in first
    if command.name not in SHELLS or run_by(command) is not None:
        return False
    scripts = [one for one in words if _SCRIPT.match(one)]
    return any(map(_WRITTEN.match, scripts)) or (command.operator == "|" and (not scripts or "-s" in words))


def _of_a_distribution(name: str) -> bool:
    """Return whether distributions have a package of a program: what vendors pipe into a shell installs their own."""
    command = as_command([name])
    return any(does(command, kind) for kind in _PACKAGED)


def _provides(package: str, names: Collection[str], likely: bool) -> bool:
    """Return whether a package may provide one of the named programs; with ``likely`` no library does by its name, as
    ``libcurl4`` does not provide ``curl``, unless programs are what it is for."""
    if package.startswith(("$", "@", "./", "/")):
        return True
    library = likely and package.startswith("lib") and not _WITH_PROGRAMS.search(package)
    parts = (part for name in names for part in (name, *_PROVIDERS.get(name, ())))
    wanted = (part for part in parts if not library or part.startswith("lib") or "-dev" in part)
    return any(all(piece in package for piece in part.split()) for part in wanted)


def manager_of(base: ImageFacts) -> str:
    """Return the package manager of a base image: the known one, else that of its distribution; "" for none."""
    if base.manager is not None or base.family is None:
        return base.manager or ""
    return next((one.name for one in data().managers.values() if one.system and base.family in one.families), "")


def is_there(word: str, base: ImageFacts) -> bool:
    """Return whether a program is known to be in an image, or is a path outside the usual folders and no script."""
    folder, slash, name = word.rpartition("/")
    own = {basename(one[0]).rstrip("0123456789.") for one in (base.entrypoint, base.cmd) if one}
    if base.has(name) or name.rstrip("0123456789.") in own:
        return True
    return bool(slash) and not name.endswith(".sh") and folder not in FOLDERS
