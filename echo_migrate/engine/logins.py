"""Whether what pulls an image has a login for the provider's registry: one policy for all kinds of files.

Dockerfiles, compose and bake files, dev containers, scripts, Makefiles and local code are used by people who
have logged in, unless jobs use them: what lies in the folder of a CI system, and scripts, targets and tests that jobs
call. Nor has anybody on the machines that Terraform sends scripts to.
Everywhere else the file has the login, or the user states that it is set up elsewhere.
"""

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced
from echo_migrate.files.spelling import as_variables
from echo_migrate.files.tree import real, top
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

if TYPE_CHECKING:
    from echo_migrate.shell.commands import Script

_POD = because("login-pod")
_RUNNER = because("login-runner")
_OTHER = because("login-secrets")
_MACHINE = because("login-machine")
_WANTED = {"kubernetes": _POD, "kustomize": _POD, "helm": _POD, "gitlab": _RUNNER, "ci": because("login-beside")}
"""Kinds of files whose images a cluster or a runner pulls, and which have no login beside each image."""

ELSEWHERE = tuple(sorted((*_WANTED, "ansible", "aws", "github", "jenkins", "nomad", "python", "quadlet", "terraform")))
"""Kinds of files for which a login can be set up elsewhere."""

_USED = frozenset(("bake", "compose", "devcontainer", "dockerfile", "makefile", "python", "script"))
"""Kinds of files that pull where they are used."""

_LOGINS = lazy_regex(
    r"(?m)^[ \t-]*[\"']?(?:image_?[pP]ull_?[sS]ecrets|pullSecrets|DOCKER_AUTH_CONFIG)[\"']?[ \t]*:"
    r"[^\n]{0,2000}(?:\n[ \t]*(?:-[ \t]*)?(?:name[ \t]*:|[\"'\w.-]+[ \t\r]*$)[^\n]{0,2000}){0,9}"
)
"""Where a file names secrets to pull with: of Kubernetes, Helm and Drone, and GitLab's variable."""

_CALLS = lazy_regex(r"\blogin\b")

_FOLDERS = {".circleci": "ci", ".github": "github", ".gitlab": "gitlab", ".woodpecker": "ci"}
"""Folders of CI systems, each with the kind of their files: what pulls where it is used is there used by jobs."""


def with_login(
    images: Iterable[Image], kind: str, source: Source, elsewhere: frozenset[str]
) -> Iterator[tuple[Image, Image]]:
    """Yield each image of a file of a kind, and the same with the reason why a move of it wants a login, and with the
    logins of the file.

    ``elsewhere`` are kinds for which the user has set one up.
    """
    images = list(images)
    runner = runner_of(source.path) if kind in _USED else ""
    called = kind in ("makefile", "python", "script") and bool(images) and not runner and os.path.isfile(source.path)
    machine = called and kind == "script" and "terraform" not in elsewhere and _is_sent(source.path)
    for image in images:
        before = _before_calls(kind, source, image, elsewhere) if called else "" if runner else None
        of_jobs = before is not None and elsewhere.isdisjoint((kind, runner))
        if of_jobs and not image.local and not image.needs_login:
            own = _called(kind, source.text, image) if _CALLS.search(source.text) else ""
            yield image, image._replace(needs_login=because("login-ci"), login=f"{before} {own}".strip())
        elif machine and not image.local and not image.needs_login and kind not in elsewhere:
            own = _called(kind, source.text, image) if _CALLS.search(source.text) else ""
            yield image, image._replace(needs_login=_MACHINE, login=own)
        elif kind in elsewhere or (image.needs_login == _POD and "kubernetes" in elsewhere):
            yield image, image._replace(needs_login=None) if image.needs_login else image
        elif image.needs_login or image.local or kind not in _WANTED:
            yield image, image
        else:
            login = _named(source.text)
            of_others = _OTHER if login and kind == "ci" else None
            yield image, image._replace(needs_login=of_others or _WANTED[kind], login=login)


def _is_sent(path: str) -> bool:
    from echo_migrate.files.machine_scripts import is_sent  # few trees have scripts that pull

    return is_sent(path)


def _before_calls(kind: str, source: Source, image: Image, elsewhere: frozenset[str]) -> str | None:
    """Return the logins before all calls by jobs of what pulls an image, None if no job calls it."""
    from echo_migrate.formats._called_scripts import login_of_callers, login_of_testers  # reads YAML, as few starts do

    if kind == "python":
        return login_of_testers(source.path, elsewhere)
    return login_of_callers(source.path, source.text, elsewhere, image.start if kind == "makefile" else None)


def runner_of(path: str) -> str:
    """Return the kind of the files of the CI system in whose folder a file lies, "" if it lies in none."""
    whole = real(path)
    if not any(one in whole for one in _FOLDERS):
        return ""
    below = os.path.relpath(whole, top(path)).split(os.sep)
    return next((_FOLDERS[one] for one in below if one in _FOLDERS), "")


def _called(kind: str, text: str, image: Image) -> str:
    """Return the registries that a script, or the recipe of a makefile, has logged in to when it comes to an image."""
    from echo_migrate.shell.makefiles import recipe_at
    from echo_migrate.shell.registry_logins import logins_before  # few scripts of CI have any

    script = recipe_at(text, image.start) if kind == "makefile" else _script(text) if kind == "script" else None
    made = logins_before(script, text, image.start) if script else []
    return " ".join(login.host for login in made if login.serves(image.where, image.account))


@lru_cache(maxsize=4)
def _script(text: str) -> "Script":
    from echo_migrate.shell.parser import read

    return read(Traced.of(text, 0, len(text)))


@lru_cache(maxsize=4)
def _named(text: str) -> str:
    """Return the names of the secrets of a file: a secret is named for its registry or vendor (echo, echo-pull)."""
    return as_variables(" ".join(_LOGINS.findall(text)))
