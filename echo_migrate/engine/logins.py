"""Whether what pulls an image has a login for the provider's registry: one policy for all kinds of files.

Dockerfiles, compose and bake files, dev containers, scripts, Makefiles and local code are used by people who
have logged in. Everywhere else the file has the login, or the user states that it is set up elsewhere.
"""

from functools import lru_cache

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.spelling import as_variables
from echo_migrate.model import Image
from echo_migrate.reasons import because

_POD = because("login-pod")
_RUNNER = because("login-runner")
_WANTED = {"kubernetes": _POD, "kustomize": _POD, "helm": _POD, "gitlab": _RUNNER, "ci": because("login-beside")}
"""Kinds of files whose images a cluster or a runner pulls, and which have no login beside each image."""

ELSEWHERE = tuple(sorted((*_WANTED, "ansible", "aws", "github", "jenkins", "nomad", "python", "quadlet", "terraform")))
"""Kinds of files for which a login can be set up elsewhere."""

_LOGINS = lazy_regex(
    r"(?m)^[ \t-]*[\"']?(?:image_?[pP]ull_?[sS]ecrets|pullSecrets|DOCKER_AUTH_CONFIG)[\"']?[ \t]*:"
    r"[^\n]{0,2000}(?:\n[ \t]*(?:-[ \t]*)?(?:name[ \t]*:|[\"'\w.-]+[ \t\r]*$)[^\n]{0,2000}){0,9}"
)
"""Where a file names secrets to pull with: of Kubernetes, Helm and Drone, and GitLab's variable."""


def with_login(image: Image, kind: str, text: str, elsewhere: frozenset[str]) -> Image:
    """Return an image of a kind of file with the reason why a move of it wants a login, and the logins of the file.

    ``elsewhere`` are kinds for which the user has set one up.
    """
    if kind in elsewhere or (image.needs_login == _POD and "kubernetes" in elsewhere):
        return image._replace(needs_login=None)
    if image.needs_login or image.local or kind not in _WANTED:
        return image
    return image._replace(needs_login=_WANTED[kind], login=_named(text))


@lru_cache(maxsize=4)
def _named(text: str) -> str:
    """Return the names of the secrets of a file: a secret is named for its registry or vendor (echo, echo-pull)."""
    return as_variables(" ".join(_LOGINS.findall(text)))
