"""A container that runs as root."""

from collections.abc import Iterator
from posixpath import basename

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.layers import installed
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import is_in_tests, is_of_tests, of_shipped_images
from echo_migrate.rules._readiness import as_root
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import package_name

_DROPS = lazy_regex(r"\b(?:chpst|gosu|runuser|s6-setuidgid|setpriv|setuidgid|su-exec|suexec|su -)\b")
_DROPPING = lazy_regex(
    r"(?:^|[ /])(?:(?:gosu|s6-setuidgid|setuidgid|su-exec|suexec) +|runuser +(?:-\S* +){0,4}"
    r"|su +(?:-(?![cs]\b)\S* +){0,4}|setpriv +(?:-\S+ +(?:[^-\s]\S* +)?){0,9}--reuid[ =]"
    r"|chpst +(?:-[^uU]\S* +(?:[^- ]\S* +)?){0,4}-[uU] ?)(?![\"']?(?:root\b|0\b|-))[\"']?[\w:$]"
)
"""A command that runs another as a user who is not root."""
_LAMBDA = lazy_regex(
    r"awslambdaric|aws-lambda-(?:ric|rie|adapter|web-adapter)|/lambda-adapter\b|lambda\.runtime\.api|public\.ecr\.aws/lambda/",
    needs=("lambda",),
)
"""What an image for AWS Lambda has, which starts it as a user of its own (docs.aws.amazon.com/lambda, "Create a Lambda
function using a container image")."""
_OWNS = lazy_regex(r"\b(?:chgrp|chmod|chown)\b")
"""Commands that need root, for which an init container or a one-off service is started."""
_SWITCHING = (
    *("entrypoint", "apache", "caddy", "cron", "haproxy", "httpd", "mysqld", "mongod", "nginx", "php-fpm", "postgres"),
    *("redis", "runsvdir", "s6-", "sshd", "supervisord", "systemd", "traefik"),
)
_STARTS_AS_ROOT = lazy_regex(rf"\.sh\b|init\b|{'|'.join(_SWITCHING)}", needs=(".sh", "init", *_SWITCHING))
_WRITES = lazy_regex(
    r"\b(?:bun|bundle|cargo|composer|go|hugo|jekyll|make|manage\.py|next|ng|npm|nuxt|pip|pnpm|vite|yarn)[\"',\s]+"
    r"(?:run[\"',\s]+)?(?:[\w-]+:)?(?:build|collectstatic|compile|dev|install|watch)\b(?![./])"
)
"""Commands that build, or serve what they build; not what was built (``node build/index.js``, ``serve -s build``)."""
_CLIENTS = frozenset(("docker", "docker-ce-cli", "docker-cli", "docker.io"))
"""Packages of Docker's client (docs.docker.com/engine/install; pkgs.alpinelinux.org; packages.debian.org)."""
_PROGRAMS = frozenset(("cassandra", "couchdb", "mariadbd", "rabbitmq-server"))
"""Programs that may start as root and then switch to another user: the latter have names that other words have, too."""


@rule(on=Stage | Container, level="note", also=("DL3002",))
@of_shipped_images
def root_at_runtime(node: Stage | Container, context: Context) -> Iterator[Finding]:
    if isinstance(node, Container):
        if node.user and as_root(node.user.value) and not any(map(_OWNS.search, _commands(node, context))):
            message = f"{node.shown} runs as root: use the uid of another user"
            line = context.source.text[node.user.end :].partition("\n")[0]
            of_tests = is_in_tests(node.image, context) or is_of_tests([basename(context.source.path)])
            quiet = "#" in line or (of_tests and context.kind == "compose")  # a comment says why
            yield Finding(node.user.start, node.user.end, message, quiet=quiet)
        return
    effective = context.effective(node)
    if node.ships != "layers" or not node.certain or not node.top or effective is None:
        return
    by_base = node.user is None and effective.base.user is not None and not effective.base.unprivileged
    if not (by_base or as_root(node.user)) or not _started(node) or _is_for_lambda(node, context.source.text):
        return
    if _controls_docker(node, context):
        return  # another user would have to be of the socket's group, whose number is that of the host
    if by_base:
        first = node.lineage[-1].instructions[0]
        yield Finding(first.start, first.end, f"no USER, runs as root: add USER <uid>{_owning(node)}")
    else:
        last = next(
            one for stage in reversed(node.lineage) for one in reversed(stage.instructions) if one.verb == "user"
        )
        yield Finding(last.start, last.end, f"runs as root: end with USER <uid>{_owning(node)}")


def _is_for_lambda(stage: Stage, text: str) -> bool:
    """Return whether a stage is based on an image for AWS Lambda, or brings or starts its runtime client."""
    steps = [one for above in stage.lineage for one in above.instructions]
    return any(_LAMBDA.search(text[one.start : one.end]) for one in steps)


def _controls_docker(stage: Stage, context: Context) -> bool:
    """Return whether a stage installs Docker's client, or a container of it has Docker's socket."""
    names = {package_name(word) for above in stage.lineage for _, word in installed(above)}
    mounts = [mount for one in context.containers(stage) for mount in one.mounts]
    return not _CLIENTS.isdisjoint(names) or any(mount.endswith("/docker.sock") for mount in mounts)


def _owning(stage: Stage) -> str:
    """Return what is to be done besides, for a command that writes to the folder of its program, or that lies in the
    home folder of root, which no other user may enter."""
    folders = [folder for above in stage.lineage for _, folder in above.workdirs.values()][-1:]
    starts = [one.words or () for one in map(stage.start_command, ("entrypoint", "cmd")) if one]
    words = [word for own in starts for word in own]
    inside = any(f"{folder}/".startswith("/root/") for folder in folders) and words[:1] and words[0][:1] != "/"
    if inside or any(word.startswith("/root/") for word in words):
        return ", and move what it starts out of /root"
    return ", who must own what the command writes" if _WRITES.search(stage.started) else ""


def _commands(node: Container, context: Context) -> Iterator[str]:
    """Yield the start commands of a container, as written where a variable makes their words unknown."""
    for one in node.start_commands:
        yield one.args.value or context.source.text[one.start : one.end]


def _started(stage: Stage) -> bool:
    """Return whether a stage has its own start command, and is not known to switch to another user."""
    own = [one for one in map(stage.start_command, ("entrypoint", "cmd")) if one]
    if not own or any(map(_may_switch, own)):
        return False
    return not any(_DROPS.search(text) for _, text in stage.settings)


def _may_switch(start: StartCommand) -> bool:
    """Return whether a start command may switch from root to another user."""
    text = " ".join(start.words or ()) or start.args.value
    if _STARTS_AS_ROOT.search(start.args.value) or _DROPPING.search(text):
        return True
    return any(one.name in _PROGRAMS for one in start.script.commands)
