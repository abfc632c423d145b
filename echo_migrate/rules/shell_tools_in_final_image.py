"""Interactive tools and download tools in the final image."""

import re
from collections.abc import Iterator
from functools import cache
from posixpath import basename

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import installed
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.facts import has_tools
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Word
from echo_migrate.shell.package_managers import listed, package_name, used_for

_SCRIPT = lazy_regex(r"\.(?:ba)?sh\b|entrypoint|/(?:start|run|init)\b")
"""Start commands that run a script whose content is not in this file."""

_BRINGS = {
    **dict.fromkeys(("bind-tools", "bind-utils", "bind9-dnsutils", "dnsutils"), ("dig", "nslookup")),
    **dict.fromkeys(("inetutils-ping", "iputils", "iputils-ping"), ("ping",)),
    "knot-dnsutils": ("kdig", "khost"),
}
"""The programs of packages whose names are others (file lists of packages.debian.org and pkgs.alpinelinux.org)."""


@rule(on=Stage, level="note", also=("DH003",))
@of_shipped_images
def shell_tools_in_final_image(stage: Stage, context: Context) -> Iterator[Finding]:
    installs = installed(stage)
    if not installs:
        return
    if has_tools(stage.root, context.settings.catalog):  # it has them already, and large-base tells what to do
        installs = [(call, word) for call, word in installs if used_for(word) != "download"]
    called = {name for run in stage.runs for name in run.names}
    scripted = any(
        _SCRIPT.search(one.started) or any(_brings_script(copy, one) for copy in one.copies) for one in _built_on(stage)
    )
    tools = [(call, word) for call, word in installs if _is_tool(word, called, scripted)]
    needed = {
        name
        for name in {package_name(word) for _, word in tools}
        if _needed(name, stage) or _started(name, stage, context)
    }
    tools = [(call, word) for call, word in tools if package_name(word) not in needed]
    if tools:
        call, _ = tools[0]
        message = f"{listed(word for _, word in tools)} in the final image, not used in this file after the build: "
        names = {package_name(word) for _, word in tools}
        build = names <= called
        it = "it" if len(names) == 1 else "them"
        message += f"use {it} in a builder stage" if build else f"remove {it}, and attach a debug container instead"
        yield Finding(call.command.start, call.command.end, message)


def _brings_script(copy: Copy, stage: Stage) -> bool:
    """Return whether a COPY brings a script from the build context that no RUN names, so that a container runs it."""
    names = [] if copy.origin else [basename(word.value) for word in copy.sources if word.value.endswith(".sh")]
    return any(not any(name in run.instruction.args.value for run in stage.runs) for name in names)


def _built_on(stage: Stage) -> list[Stage]:
    """Return a stage and those that are FROM it, directly or indirectly."""
    return [stage, *[one for one in stage.graph.stages(stage.number + 1) if stage in one.lineage]]


def _is_tool(word: Word, called: set[str], scripted: bool) -> bool:
    """Return whether a package is for interactive use, or for downloads by the build itself, which has ``called``
    commands; a script that a container starts may call any."""
    use = used_for(word)
    if scripted and (use in ("network", "download") or package_name(word) == "sudo"):
        return False
    if use == "download":
        return package_name(word) in called
    return use in ("shell", "network")


def _needed(name: str, stage: Stage) -> bool:
    """Return whether the file mentions a tool other than to install or call it: in a start command, in a permission for
    it, in a file for it (``/etc/sudoers``)."""
    programs = _BRINGS.get(name, (name,))
    mention = _mention(name)
    for one in dict.fromkeys((*stage.lineage, *_built_on(stage))):
        texts = [step.args.value.lower() for step in one.instructions if step.verb not in ("run", "from")]
        if any(map(mention.search, texts)):
            return True
        for run in one.runs:
            installs = {call.command.start for call in run.calls}
            for command in run.commands:
                words = [*command.words[1:], *[redirect.target for redirect in command.redirects]]
                other = command.name not in programs and command.start not in installs
                if other and any(mention.search(word.value) for word in words):
                    return True
    return False


def _started(name: str, stage: Stage, context: Context) -> bool:
    """Return whether a container of another file that starts a stage mentions a tool: in its command or its checks."""
    containers = [one for built in _built_on(stage) for one in context.containers(built)]
    commands = [own for one in containers for own in (*one.start_commands, *one.entered)]
    return any(_mention(name).search(own.args.value.lower()) for own in commands)


@cache
def _mention(name: str) -> re.Pattern[str]:
    """Return a pattern for the mention of a package: its name, also in another (``/etc/sudoers``), or one of its
    programs as a word of its own, as these are short: ``dig`` is in DIGEST, ``ping`` in shipping-service."""
    programs = "|".join(_BRINGS.get(name, ()))
    return re.compile(
        re.escape(name) + (rf"|(?<![\w./-])(?:(?:/usr)?/s?bin/)?(?:{programs})(?![\w./-])" if programs else "")
    )
