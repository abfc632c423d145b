"""Whether what pulls an image has a login for the provider's registry: one policy for all kinds of files.

Dockerfiles, compose and bake files, dev containers, scripts, Makefiles and local code are used by people who
have logged in. Everywhere else the file has the login, or the user states that it is set up elsewhere.
"""

import os
from functools import lru_cache

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.spelling import as_variables
from echo_migrate.files.tree import top
from echo_migrate.model import Image
from echo_migrate.reasons import because

_POD = because("login-pod")
_RUNNER = because("login-runner")
_WANTED = {"kubernetes": _POD, "kustomize": _POD, "helm": _POD, "gitlab": _RUNNER, "ci": because("login-beside")}
"""Kinds of files whose images a cluster or a runner pulls, and which have no login beside each image."""

ELSEWHERE = tuple(sorted((*_WANTED, "ansible", "aws", "github", "jenkins", "nomad", "python", "quadlet", "terraform")))
"""Kinds of files for which a login can be set up elsewhere."""

_BUILT = ("bake", "compose", "dockerfile")
"""Kinds of files that pull where they are used."""

_LOGINS = lazy_regex(
    r"(?m)^[ \t-]*[\"']?(?:image_?[pP]ull_?[sS]ecrets|pullSecrets|DOCKER_AUTH_CONFIG)[\"']?[ \t]*:"
    r"[^\n]{0,2000}(?:\n[ \t]*(?:-[ \t]*)?(?:name[ \t]*:|[\"'\w.-]+[ \t\r]*$)[^\n]{0,2000}){0,9}"
)
"""Where a file names secrets to pull with: of Kubernetes, Helm and Drone, and GitLab's variable."""


_FOLDERS = {".circleci": "ci", ".github": "github", ".gitlab": "gitlab", ".woodpecker": "ci"}
"""Folders of CI systems, each with the kind of their files: a Dockerfile or a compose file there is used by jobs."""


def with_login(image: Image, kind: str, source: Source, elsewhere: frozenset[str]) -> Image:
    """Return an image of a kind of file with the reason why a move of it wants a login, and the logins of the file.

    ``elsewhere`` are kinds for which the user has set one up.
    """
    below = os.path.relpath(os.path.realpath(source.path), top(source.path)).split(os.sep)
    runner = next((_FOLDERS[one] for one in below if one in _FOLDERS), kind) if kind in _BUILT else kind
    if kind in _BUILT and runner not in (kind, *elsewhere) and not image.local:
        return image._replace(needs_login=because("login-ci"))
    if kind in elsewhere or (image.needs_login == _POD and "kubernetes" in elsewhere):
        return image._replace(needs_login=None)
    if image.needs_login or image.local or kind not in _WANTED:
        return image
    return image._replace(needs_login=_WANTED[kind], login=_named(source.text))


@lru_cache(maxsize=4)
def _named(text: str) -> str:
    """Return the names of the secrets of a file: a secret is named for its registry or vendor (echo, echo-pull)."""
    return as_variables(" ".join(_LOGINS.findall(text)))
