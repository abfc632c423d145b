"""The Dockerfiles of images into whose containers something else installs packages later: a test harness, a
provisioner, or a dev container, which may count on the package lists that are there.

Follows the documentation of Molecule's driver for Docker (``platforms``: ``dockerfile``, else one beside it),
kitchen-docker (``dockerfile``), Vagrant's Docker provider (``build_dir``, ``dockerfile``), Packer's Docker builder
(``build``: ``path``) and dev containers (``postCreateCommand`` …), read in November 2026.
"""

import contextlib
import os

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import at_written, names_in, real, top, upwards
from echo_migrate.files.workspace import of_a_run

_MOLECULE = lazy_regex(r"molecule\.ya?ml")
_INSTALLING = lazy_regex(
    r"molecule\.ya?ml|\.?kitchen(?:\.[\w-]+)?\.ya?ml|Vagrantfile|[^/]+\.pkr\.(?:hcl|json)|\.?devcontainer\.json"
)
_COMMANDS = lazy_regex(r"\bapt(?:-get)?[ \t][^\n]{0,200}?\binstall\b")
_UPDATES = lazy_regex(r"\bapt(?:-get)?[ \t][^\n]{0,80}?\bupdate\b")
_NAMED = lazy_regex(
    r"(?i)\b(build_dir|dockerfile|path)[\"']?[ \t]{0,40}[:=][ \t]{0,40}"
    r"(?:[\"']([^\"'\n]{1,200})[\"']|([^\s\"',#]{1,200}))"
)
_FOLDER = "build_dir"
_MOST_SCENARIOS = 64
"""The maximum number of Molecule's scenarios in a folder that are looked at."""
_OWN = ("Dockerfile", "Dockerfile.j2")


def installed_into(path: str) -> bool:
    """Return whether something that a file tells of installs packages into what a Dockerfile makes: a file beside it or
    above it within its tree, or where tools look below these: in the folder for dev containers, or a scenario's."""
    own, root = real(path), real(top(path))
    return any(own in _dockerfiles(place, root) for folder in upwards(path) for place in _places(folder))


@of_a_run(4096)
def _places(folder: str) -> tuple[str, ...]:
    scenarios = os.path.join(folder, "molecule")
    below = [os.path.join(scenarios, name) for name in sorted(names_in(scenarios))[:_MOST_SCENARIOS]]
    return (folder, os.path.join(folder, ".devcontainer"), *below)


@of_a_run(4096)
def _dockerfiles(folder: str, root: str) -> frozenset[str]:
    names = filter(_INSTALLING.fullmatch, names_in(folder))
    return frozenset(real(one) for name in names for one in _named(folder, name, root))


def _named(folder: str, name: str, root: str) -> list[str]:
    """Return the paths that may be those of the Dockerfiles which a file in a folder names."""
    text = ""
    with contextlib.suppress(Unreadable):
        text = contents(os.path.join(folder, name)).decode("utf-8", "replace")
    if name.endswith("devcontainer.json") and (not _COMMANDS.search(text) or _UPDATES.search(text)):
        return []
    found = list(_OWN) if _MOLECULE.fullmatch(name) else []
    given = [(one[1].lower(), one[2] or one[3]) for one in _NAMED.finditer(text)]
    folders = [value for key, value in given if key == _FOLDER]
    files = [value for key, value in given if key != _FOLDER]
    found += [*files, *(os.path.join(one, file) for one in folders for file in (*_OWN[:1], *files))]
    return [path for one in found for home in (folder, root) if (path := at_written(home, one))]
