"""Images named in the commands of shell scripts, in whichever format the scripts are embedded."""

import contextlib
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from types import MappingProxyType
from typing import Literal

from echo_migrate.dockerfile.container import Container, Located
from echo_migrate.dockerfile.expansion import Expansion, Lookup, expand
from echo_migrate.dockerfile.startup import StartCommand, line, listed, unread
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.formats._environment import of_options as variables_of_options
from echo_migrate.formats._indirect_commands import (
    aliased,
    defaulted,
    handed_on,
    on_another_host,
    spelled_out,
    with_its_program,
)
from echo_migrate.formats._names_elsewhere import Elsewhere
from echo_migrate.formats._platforms import in_windows, is_isolated, rare
from echo_migrate.formats._script_names import PLAIN_VARIABLE, as_written, counted, follows, names_set, spelled
from echo_migrate.formats._volumes import target_of
from echo_migrate.formats._where_set import Places, why_open
from echo_migrate.images.facts import is_root
from echo_migrate.images.reference import VARIABLE, bare_name, is_number, is_open, name_shown, parsed
from echo_migrate.images.reference import parse as parse_reference
from echo_migrate.images.upstream import facts
from echo_migrate.model import WINDOWS, Image, SharedSpans
from echo_migrate.model.reasons import because
from echo_migrate.shell import container_commands
from echo_migrate.shell.commands import Command, Script, Word
from echo_migrate.shell.container_commands import Invocation
from echo_migrate.shell.parser import read

_PROGRAM = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah|kubectl|oc|skopeo|crane|ctr|crictl|gcloud|az)\b"
    r"|\b(?:kind|minikube|k3d|fly|flyctl)[ \t]+(?:-|\b(?:load|cache|images?|deploy|launch|m|machines?)\b)"
)
_UNREADABLE = lazy_regex(r"\$\(|`|[*?\s'\"\\]|\$\{[^{}]*\{")
_USED = lazy_regex(r"\$\{?([A-Za-z_]\w*)")
_DEFAULT = lazy_regex(r"\$\{\w+:?-[\w./][^\s${}]*\}")
_OPTION_OR_SPACE = lazy_regex(r"^-|\s|^$")
_ROOT = "$root"
"""The user of a container that a command runs as root: like a variable it is given, and nothing is to be said of it."""

_TARGET = lazy_regex(r"(?:^|,)(?:target|dst|destination)=([^,]*)")
_MADE = "built by the script"
_NOTHING = "scratch"  # no image at all
_INSPECTED = because("inspected")
_WANTED = {"cluster": because("login-pod"), "service": because("login-service")}
"""What who pulls an image needs."""
_UNSAFE = {"cloud-run": (because("cloud-run"),), "host": (because("other-host"),)}
_FILLED = lazy_regex(r"\{\{|<<|\$\[")
"""What a CI system fills in."""
_OF_OWNER = lazy_regex(r"\$\{\{[ \t]*github\.repository(?:_owner)?[ \t]*\}\}", needs=("github.",))

_READING = (".", "source", "eval")  # may change variables
MOST_IMAGES = 500
"""The maximum number of images per script, more than any real one has; each is searched for in the whole text."""

NO_VALUES: Mapping[str, Expansion] = MappingProxyType({})


def calls(text: str) -> bool:
    """Return whether a text may call a container CLI."""
    return bool(_PROGRAM.search(text))


def named(
    text: str,
    scripts: list[Traced],
    given: Mapping[str, Expansion] = NO_VALUES,
    pulled: Places = (),
    jobs: Sequence[int] = (),
) -> list[tuple[Image, Container | None]]:
    """Return the images named in the scripts of one text, each with the container that runs it, or None. ``given`` are
    the variables that are set outside of the scripts; those of other files have no place, and are words alone.
    ``pulled`` is where other images stand, each pulled for itself; ``jobs`` where those with a host of their own begin,
    in order. What could be fully parsed is read together, as an image that one script pulls may be used in another."""
    whole = [read(script) for script in scripts]
    together = Script(tuple(command for one in whole if one.certain for command in one.commands), True, False, None)
    parts = [together, *(one for one in whole if not one.certain)]
    places = tuple((one.start, one.end) for one in scripts if one.spans)
    each = [
        pair for part in parts for pair in islice(_Images(text, part, given, pulled, places, jobs).read(), MOST_IMAGES)
    ]
    found = [(as_written(image, text), one) for image, one in each]
    if "<<" in text:
        from echo_migrate.formats._heredocs import of_heredocs  # few texts have any

        found += [(image, None) for script in scripts for image in of_heredocs(script)]
    return [(image, one and one._replace(image=image)) for image, one in found]


def called(text: str, before: tuple[str, ...], words: list[Traced]) -> list[tuple[Image, Container | None]]:
    """Return the images named in a command that is given as words, with others before them that the text does not
    have."""
    start = words[0].start if words else 0
    given = [Word(Traced(word, ()), True, start, start) for word in before]
    given += [Word(word, "$" not in word.value, word.start, word.end) for word in words]
    command = Command(given[0].value, tuple(given), "", (), (), (), (), None, start, words[-1].end if words else start)
    return list(islice(_Images(text, Script((command,), True, False, None), NO_VALUES).read(), MOST_IMAGES))


def of_options(options: str) -> tuple[Image, Container] | None:
    """Return an image ``x`` and its container, as ``docker run`` with these options has them; None if they cannot be
    told from the image."""
    with contextlib.suppress(ValueError):
        for image, container in called("x", ("docker", "run", *shlex.split(options)), [Traced.of("x", 0, 1)]):
            return (image, container) if container else None
    return None


class _Images:
    """Reads the commands of one script, resolving variables that have a single value in the whole script."""

    def __init__(
        self,
        text: str,
        script: Script,
        given: Mapping[str, Expansion],
        pulled: Places = (),
        scripts: Places = (),
        jobs: Sequence[int] = (),
    ) -> None:
        self.text = text
        self.pulled = pulled
        self.scripts = scripts
        self.jobs = jobs
        self.script = script
        self.bare, self.named = counted(text)
        self.assigned: dict[str, list[str]] = defaultdict(list)
        self.given = given
        self.variables = {name: value for name, value in given.items() if value.text.spans}
        reads = max((command.start for command in script.commands if command.name in _READING), default=-1)
        for command in script.commands:
            for name, word in command.assignments:
                self.assigned[name].append(word.value)
                value = self._assigned(name, word) if not command.words and not command.inside else None
                if value and command.start > reads:
                    self.variables[name] = value
                elif name in given and self.variables.get(name) is given[name]:
                    del self.variables[name]
        self.commands, begun = self._indirect()
        self.shared = SharedSpans(
            (start, end, because("variable-shared", name=name))
            for name, value in (self.variables | begun).items()
            if value is not given.get(name)
            for start, end in value.text.spans
        )

    def _indirect(self) -> tuple[list[Command], dict[str, Expansion]]:
        """Return the commands of the script, with those that it runs by something else, and the variables that hold the
        beginning of a command and are, or may be, used in more than one place."""
        values: dict[str, list[Word]] = defaultdict(list)
        for command in self.script.commands:
            for name, word in command.assignments:
                values[name].append(word)
        commands, begun, uses, exported = list[Command](), dict[str, Expansion](), Counter[str](), set[str]()
        for command in self.script.commands:
            whole = spelled_out(command, values, self._is_unset) if values else None
            if whole and (name := bare_name(command.words[0].value)) not in begun:
                commands.append(whole)
                if not uses:
                    uses, exported = Counter(_USED.findall(self.bare)), handed_on(self.script.commands)
                if uses[name] > 1 or self.named[name] > 1 or name in exported:  # which others may read
                    begun[name] = Expansion(values[name][0].text)
                continue
            commands += [with_its_program(command, values, self._is_unset), *aliased(command)]
        return commands, begun

    def _is_unset(self, name: str) -> bool:
        """Return whether the text mentions a variable in uses alone, and with no default but docker or its like."""
        taken_in = any(command.name in _READING for command in self.script.commands)
        return not taken_in and not names_set(self.text)[name] and name not in defaulted(self.bare)

    def _assigned(self, name: str, word: Word) -> Expansion | None:
        """Return the value of a variable that is mentioned only once apart from its uses (``$name``), else None."""
        if self.named[name] != 1 or not word.text.spans:
            return None
        if "$" not in word.value and not _UNREADABLE.search(word.value):
            return Expansion(word.text)
        return self._expanded(word, lambda _: None)

    def read(self) -> Iterator[tuple[Image, Container | None]]:
        called = [(command, container_commands.read(command, self._expands)) for command in self.commands]
        made = {spelled(self._filled(word)) for _, one in called for word in one.made}  # on this host
        over_ssh = self.script.commands if self.script.certain else ()
        remote = [one for command in over_ssh for one in on_another_host(command, self.text)]
        called += [(one, container_commands.read(one, self._expands)._replace(pulled="host")) for one in remote]
        opened = any(one.opens for _, one in called)
        begun = [list(takewhile(lambda word: word.known, one.behind)) for _, one in called if one.opens]
        entered = tuple(_launch("exec", words) for words in begun if words)
        if sum(one.runs for _, one in called) != 1:
            entered = ()  # which container is meant is not known
        loaded, loads = [command.start for command, one in called if one.loads], because("script-loads")
        found: list[tuple[Image, Container | None]] = []
        for command, one in called:
            late = loads if follows(command, loaded, self.jobs) else None
            for word, where in one.places:
                image = self._image(word, where, one)
                image = image and image._replace(account=command.account)
                if image and spelled(self._filled(word)) in made:
                    image = (
                        image._replace(local=_MADE)
                        if one.runs or one.inspected or image.templated
                        else image._replace(not_editable=because("script-builds"))
                    )
                if image:
                    image = image._replace(not_editable=image.not_editable or late)
                    run = one.runs and not image.local and not image.templated
                    found.append((image, self._service(image, one, opened, entered) if run else None))
        found += [(image, None) for command, one in called for image in self._unsure(command, one)]
        certain = self.script.certain
        pulled = [
            *self.pulled,
            *(run for image, _ in found if image.not_editable != _INSPECTED for run in image.ref.spans),
        ]
        elsewhere = Elsewhere(self.bare, self.script, called, pulled) if certain else None
        for image, service in found:
            why = image.not_editable or (elsewhere.says(image) if elsewhere else because("script-unsure"))
            moved = image._replace(not_editable=why)
            yield moved, service._replace(image=moved) if service else None

    def _unsure(self, command: Command, one: Invocation) -> Iterator[Image]:
        """Yield the tagged official images among words of which it is not certain which one names the image."""
        for word in one.unsure:
            image = self._image(word, f"{command.name} …", one) if word.known else None
            reference = parse_reference(image.ref.value) if image else None
            if image and reference and reference.tag and reference.name in facts().official:
                yield image._replace(not_editable=because("word-unsure"))

    def _expands(self, value: str) -> Literal["word", "options", ""]:
        """Return what a variable expands to, given all its assignments in the script; see ``Expands``."""
        if _DEFAULT.fullmatch(value):
            return "word"
        match = PLAIN_VARIABLE.fullmatch(value)
        name = match[1] or match[2] if match else ""
        known = self.variables.get(name) or self.given.get(name)
        if known and known.text.value and not _OPTION_OR_SPACE.search(known.text.value):
            return "word"
        values = self.assigned.get(name, [])
        own = (f"${name}", f"${{{name}}}", "-")
        options = self.named[name] == len(values) and all(not one or one.startswith(own) for one in values)
        return "options" if options and any(one.startswith("-") or " -" in one for one in values) else ""

    def _expanded(self, word: Word, lookup: Lookup) -> Expansion | None:
        if not word.text.spans or _UNREADABLE.search(word.value) or (word.known and "$" in word.value):
            return None
        try:
            return expand(word.text, lookup, escape="\0")
        except ValueError:
            return None

    def _filled(self, word: Word) -> str:
        """Return the value of a word as far as the script determines it."""
        value = self._expanded(word, self.variables.get)
        return value.text.value if value else word.value

    def _image(self, word: Word, where: str, one: Invocation) -> Image | None:
        """Return the image that a word names; None if its text is not one."""
        value = self._expanded(word, self.variables.get)
        try:
            reference = parse_reference(value.text.value) if value and value.text.spans else None
        except ValueError:
            return None
        if value is None or reference is None:
            return None
        if "$" in reference.name:
            return self._unresolved(word, where, one, value)
        start, end = self._written(word)
        platform = next((each.value.value for each in self._meant(one, "platform") if each.value), "")
        never = any(each.value and each.value.value == "never" for each in self._meant(one, "pull"))
        image = Image(
            value.text,
            where,
            start,
            end,
            local=value.text.value if value.text.value == _NOTHING else "",
            not_editable=_INSPECTED if one.inspected else because("never-pulled") if never else None,
            unsettled=tuple(self._unsettled(name, self.text[start:end]) for name in value.unsettled),
            platform="" if "$" in platform else rare((platform,)) or self._windows(one),
            shared_spans=((start, end, because("build-argument")),) if one.argument else (),
            depends_on=value.depends_on,
            mounts=tuple(self._mounts(one)),
            variables=tuple(variables_of_options(one.options)),
            unsafe_reasons=_UNSAFE.get(one.pulled, ()),
            needs_login=_WANTED.get(one.pulled),
        )
        return self.shared.of(image)

    def _unsettled(self, name: str, written: str) -> str:
        """Return the name of a variable without one value, as of one with a default if the script gives it any."""
        shown = name_shown(name, written)
        return f"{shown}:-" if any(self.assigned.get(name, ())) else shown

    def _unresolved(self, word: Word, where: str, one: Invocation, value: Expansion) -> Image | None:
        """Return an image whose name is in a variable that has no one value in the script, with the name that what is
        set outside of it makes of that value; None for one that is only looked at or given to a build, and for an
        expression that another program fills in before the shell."""
        start, end = self._written(word)
        if one.inspected or one.argument or _FILLED.search(_OF_OWNER.sub("", self.text[start:end])):
            return None
        names = [name for match in VARIABLE.finditer(word.value) if (name := bare_name(match[0]))]
        reason = why_open(self.bare, names, self.text[start:end], start, self.scripts, self.script.commands)
        image = Image(word.text, where, start, end, not_editable=reason, unsettled=tuple(names), templated=True)
        expanded = self._expanded(word._replace(text=value.text), self.variables.get)
        whole = expanded.text if expanded else value.text
        written = "".join(self.text[begin:stop] for begin, stop in whole.spans)
        name = written if len(written) == len(whole.value) else whole.value
        reference = parsed(name)
        return image._replace(resolved=name) if reference and not is_open(reference.name) else image

    def _windows(self, one: Invocation) -> str:
        """Return Windows as the platform of a command that only Windows can run, else ""."""
        options = (option for what in ("volume", "folder", "isolation") for option in self._meant(one, what))
        values = [option.value.value for option in options if option.value]
        return WINDOWS if any(is_isolated(value) or in_windows(value) for value in values) else ""

    def _written(self, word: Word) -> tuple[int, int]:
        """Return the source span of a word, or of what is left of an option: without quotes around the whole of it."""
        start, end = word.text.start, word.text.end
        opened = start > word.start and self.text[start - 1] in "'\""
        if opened and end - start == len(word.value) and self.text[start - 1] == self.text[end : end + 1]:
            return start, end
        whole = self.text[start - opened : word.end]
        return (start - opened, word.end) if not any(whole.count(quote) % 2 for quote in "'\"") else (start, end)

    def _meant(self, one: Invocation, what: str) -> Iterator[container_commands.Option]:
        """Return the options of a command that have a certain meaning (``meaning`` in the data)."""
        meaning = container_commands.data()["meaning"]
        return (option for option in one.options if meaning.get(option.name) == what)

    def _mounts(self, one: Invocation) -> Iterator[str]:
        """Yield the container paths that volumes cover; ``/`` if they are not known."""
        for option in self._meant(one, "volume"):
            if option.value:
                target = target_of(option.value.value)
                yield "/" if "$" in target or not target.startswith("/") else target
        for option in self._meant(one, "mount"):
            match = _TARGET.search(option.value.value) if option.value else None
            yield match[1] if match and "$" not in match[1] else "/"
        if any(self._meant(one, "all")) or _hides(one):
            yield "/"

    def _service(self, image: Image, one: Invocation, opened: bool, entered: tuple[StartCommand, ...]) -> Container:
        """Return the container that a command runs."""
        start_commands = [
            _launch("entrypoint", [option.value]) for option in self._meant(one, "entrypoint") if option.value
        ]
        start_commands += [_launch("command", list(one.behind))] if one.behind else []
        checks = [option.value for option in self._meant(one, "check") if option.value and option.value.known]
        start_commands += [line("healthcheck", word.value, word.start, word.end) for word in checks]
        users = [option.value for option in self._meant(one, "user") if option.value and option.value.known]
        return Container(
            image.where,
            image,
            tuple(start_commands),
            _place(users[-1], _ROOT if is_root(users[-1].value) else users[-1].value) if users else None,
            tuple(self._ports(one)),
            any(self._meant(one, "privileges")),
            image.mounts,
            opened or _hides(one),
            entered=entered,
        )

    def _ports(self, one: Invocation) -> Iterator[Located]:
        """Yield the container ports that are given as numbers."""
        for option in self._meant(one, "port"):
            number = option.value.value.partition("/")[0].rpartition(":")[2] if option.value else ""
            if option.value and is_number(number):
                yield _place(option.value, number)


def _hides(one: Invocation) -> bool:
    """Return whether some options of a command are in a variable."""
    return any(option.name.startswith("$") for option in one.options)


def _place(word: Word, value: str) -> Located:
    return Located(value, word.start, word.end)


def _launch(key: str, words: list[Word]) -> StartCommand:
    """Return the start command made of the words, as unread if one of them is not known."""
    start, end = words[0].start, words[-1].end
    if all(word.known for word in words):
        return listed(key, [word.value for word in words], start, end)
    return unread(key, start, end)
