"""A user that the image creates, but never runs as."""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import passes
from echo_migrate.dockerfile.users import Account, accounts
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import package_name

_GIVES = frozenset(("addgroup", "adduser", "chgrp", "chown", "groupadd", "install", "useradd", "usermod"))
"""Commands that create a user or assign files to it; a user named there does not necessarily run anything."""
_CHANGES_USER = lazy_regex(
    r"(?im)\.sh\b|apache|cron|dockerd|entry-?point|haproxy|httpd|(?:^|[^a-z])init\b|launch|maria|mongo|my_init|mysql|nginx"
    r"|php-fpm|postgres|redis|runit\b|runsvdir\b|\bs6|squid|sshd|supervisor|systemd|(?:^|/|^\[ ?\")(?:boot|run|start)\b"
)
"""Start commands that may switch to another user by themselves."""
_DAEMONS = frozenset(
    ("apache", "daemon", "git", "ldap", "memcached", "mongodb", "mysql", "named", "nginx", "ntp", "postfix", "postgres")
    + ("redis", "sshd", "www-data", "zabbix")
)
_STEPS_DOWN = frozenset(("gosu", "su-exec", "sudo", "setpriv"))


@rule(on=Stage, level="note")
def user_never_used(stage: Stage, context: Context) -> Iterator[Finding]:
    if stage.ships != "layers" or not stage.top:
        return
    steps = [step for one in stage.lineage for step in one.instructions]
    runs = [run for one in stage.lineage for run in one.runs]
    readable = all(run.script and run.script.certain for run in runs)
    if not readable or any(step.verb == "user" for step in steps):
        return
    others = [one for one in stage.graph.stages() if any(step.verb == "user" for step in one.instructions)]
    above = {one.number for one in stage.lineage}
    made = [account for run in runs for account in accounts(run)]
    # several users usually belong to daemons, which select them by name
    if len(made) != 1 or not _started_as_is(stage, context):
        return
    installed = {package_name(word) for run in runs for call in run.calls for word in call.packages}
    words = [text for step in steps for text in _mentions(step)]
    words += [word.value for run in runs for one in run.commands if one.name not in _GIVES for word in one.words]
    if installed & _STEPS_DOWN or _used(made[0], words, installed):
        return
    account = made[0]
    if any(one.user in (account.name, account.uid) and above & {up.number for up in one.lineage} for one in others):
        return  # the image that is shipped runs as that user
    message = f"creates user {account.name}, but the container runs as root: "
    message += f"add USER {account.uid or account.name}"
    yield Finding(account.command.start, account.command.end, message)


def _started_as_is(stage: Stage, context: Context) -> bool:
    """Return whether a container is known to start as root, and not to switch to another user by itself."""
    effective = context.effective(stage)
    if effective is None or effective.base.unprivileged or not stage.started or _CHANGES_USER.search(stage.started):
        return False
    if stage.start_command("entrypoint"):
        return True
    before = (effective.before or effective.base).entrypoint
    return before is not None and passes(before)


def _mentions(step: Instruction) -> Iterator[str]:
    """Yield the texts in which an instruction can name the user of a process, except the commands of a RUN."""
    for body in step.heredocs:
        yield body.value
    if step.verb in ("cmd", "entrypoint", "env", "healthcheck", "onbuild", "volume"):
        yield step.args.value


def _used(account: Account, words: list[str], installed: set[str]) -> bool:
    """Return whether a user is named elsewhere, by name or ID, or is that of a daemon, which selects it itself."""
    if account.name in _DAEMONS or account.name in installed or account.name.startswith("_"):
        return True
    names = "|".join(re.escape(name) for name in (account.name, account.uid) if name)
    named = re.compile(rf"(?<![\w./-])(?:{names})(?![\w./-])")
    return any(named.search(word) for word in words)
