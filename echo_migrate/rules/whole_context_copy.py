"""The whole build context in the final image, without a .dockerignore."""

import os
from collections.abc import Iterator
from os.path import dirname

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import installed
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import ignore_file, real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.model import Finding, Level
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import package_name

_DOCKERFILES = ("dockerfile", "containerfile")

_SERVERS = lazy_regex(
    r"apache|caddy|httpd|lighttpd|nginx|(?:^|/)(?:drupal|joomla|wordpress)\b(?!.*fpm)",
    needs=("apache", "caddy", "httpd", "lighttpd", "nginx", "drupal", "joomla", "wordpress"),
)
"""Web servers, and images with one (hub.docker.com/_/wordpress, drupal and joomla, in all variants but fpm)."""

_WEB_ROOTS = frozenset(("/usr/local/apache2/htdocs", "/usr/share/caddy", "/usr/share/nginx/html", "/var/www/html"))
"""The folders from which official images serve any file: httpd, caddy, nginx, and those of PHP with Apache."""

_OF_CODE = lazy_regex(
    r"(?i)\..+|(?:go\.mod|gemfile|makefile|package\.json|pom\.xml|requirements.*\.txt)"
    r"|.+\.(?:[ch]|cc|cpp|cs|csproj|ex|exs|go|gradle|java|[cm]?jsx?|kts?|lock|php|py|rb|rs|scala|toml|[cm]?tsx?)"
)
"""The names of files where something is built, or that are not to be seen."""


@rule(on=Stage, level="warning")
@of_shipped_images
def whole_context_copy(stage: Stage, context: Context) -> Iterator[Finding]:
    for copy in stage.copies if stage.ships else ():
        whole = next((one.value for one in copy.sources if one.value in (".", "./", "/")), "")
        if whole and not copy.origin and not _leaves_out(copy):
            path = context.source.path
            folders = context.folders(path)
            if ignore_file(path, folders):
                return
            verb, git = copy.instruction.verb.upper(), ".git, " if _has_history(path, folders) else ""
            served = (copy.target or "").rstrip("/") in _WEB_ROOTS and _has_server(stage)
            what = (
                f"puts {git}any .env and build output into a web root"
                if served
                else f"includes {git}any .env and build output"
            )
            message = f"{verb} {whole} {what}: the context needs a .dockerignore"
            if not git and not served and folders and all(map(_has_plain_files, folders)):
                return
            level: Level = "warning" if git or served else "note"
            yield Finding(copy.instruction.start, copy.instruction.end, message, level=level)
            return


def _has_server(stage: Stage) -> bool:
    """Return whether a stage is based on an image with a web server, installs one or starts it: other images have such
    a folder too (PHP-FPM, or by its name alone)."""
    names = [package_name(word) for one in stage.lineage for _, word in installed(one)]
    return any(map(_SERVERS.search, (stage.root, stage.started, *names)))


def _leaves_out(copy: Copy) -> bool:
    """Return whether a COPY leaves ``.git`` or ``.env`` out itself (``--exclude``), as a .dockerignore would."""
    excluded = {flag.value.value for flag in copy.instruction.flags if flag.name == "exclude"}
    return any(one.removeprefix("**/").rstrip("/*") in (".git", ".env", ".") for one in excluded)


def _has_history(path: str, folders: frozenset[str]) -> bool:
    """Return whether the context of a Dockerfile may have the ``.git`` of its repository: it is at the top of that. If
    the folders that it is built from are not known, it is its own, unless only Dockerfiles lie there."""
    tree = real(top(path)).rstrip("/")
    own = real(dirname(path))
    known = folders or (tree if _has_only_dockerfiles(own) else own,)
    return any(f"{tree}/".startswith(f"{one.rstrip('/')}/") for one in known)


@of_a_run(4096)
def _has_only_dockerfiles(folder: str) -> bool:
    try:
        return all(any(one in name.lower() for one in _DOCKERFILES) for name in os.listdir(folder))
    except OSError:
        return False


@of_a_run(4096)
def _has_plain_files(folder: str) -> bool:
    """Return whether a folder has files alone, none hidden, of code or the manifest of a package: nothing is built
    there, and what is copied is what it has."""
    try:
        with os.scandir(folder) as entries:
            return all(one.is_file() and not _OF_CODE.fullmatch(one.name) for one in entries)
    except OSError:
        return False
