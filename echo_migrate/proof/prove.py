"""The proof of a change: build before and after from the same context, start both, and compare."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from threading import Lock, Semaphore
from typing import Any, NamedTuple

from echo_migrate.engine.run import images_in
from echo_migrate.files.source import Source, Unreadable, contents
from echo_migrate.formats import compose, dockerfile
from echo_migrate.formats.compose.project import Project, Service
from echo_migrate.formats.compose.service import Build
from echo_migrate.model import Result
from echo_migrate.proof import failure as failures
from echo_migrate.proof.builders import Builder, Built, PassedOn
from echo_migrate.proof.compare import Observed, Row, compare, doubtful, lasting, worse
from echo_migrate.proof.container import Look, Running, Smoke, observe
from echo_migrate.proof.context import Context, context_of, ground
from echo_migrate.proof.image import Config, Reader, config_of
from echo_migrate.proof.records import Proof, Records, account, text_hash
from echo_migrate.proof.secrets import Secrets
from echo_migrate.proof.siblings import Unmet, beside, unready

WATCHED = 8
"""The changes of which containers may be watched while others are built."""

CHANGED = "the build context, or a service beside it, has changed"
"""Why a proof is stale whose ground is another one now."""


class Change(NamedTuple):
    """A change of a Dockerfile that is to be proven; ``blocked`` tells that no fix would make it. ``result`` is of the
    file as it is, and ``moved`` of the changed one."""

    before: Source
    after: Source
    result: Result
    unsafe: bool = False
    blocked: bool = False
    moved: Result | None = None


class Asked(NamedTuple):
    """How images are built and tested, and with which siblings."""

    passed: PassedOn
    smoke: tuple[Smoke, ...]
    project: Project | None = None

    @property
    def shares(self) -> bool:
        """Whether containers run in a network that they may share with others."""
        return self.passed.network not in ("", "none")


class Image(NamedTuple):
    """An image that was built, by its id; without one, why it was not."""

    id: str
    failure: failures.Failure | None


class Bench:
    """What the proofs of a run share: the builder, how it is asked, tests, and the records of earlier proofs."""

    def __init__(
        self,
        builder: Builder,
        version: str,
        passed: PassedOn,
        folder: str,
        records: Records,
        smoke: Callable[[str], Sequence[Smoke]] = lambda _: (),
        folders: Callable[[str], str] = lambda _: "",
        say: Callable[[str], None] = lambda _: None,
        jobs: int = 1,
    ) -> None:
        self.builder, self.version, self.passed, self.folder = builder, version, passed, folder
        self.records, self.smoke, self.folders, self.say = records, smoke, folders, say
        self.secrets = Secrets(passed)
        self.alone = Lock()
        """Held while a container runs in a network that it may share with another, where two would want the same port:
        the host's, another container's."""

        self._building = Semaphore(jobs)
        self._ids: dict[str, str] = {}
        self._siblings = Lock()
        self._built_siblings: dict[tuple[str, Build | None], str] = {}
        self._seen: dict[tuple[str, str, str], tuple[Image, Observed]] = {}

    def expect(self, changes: Sequence[Change]) -> None:
        """Ask the builder at once for the images of all changes that will be proven."""
        names: set[str] = set()
        for change in changes:
            with suppress(OSError, Unreadable):  # which is told where the change is proven
                names |= {*_images_of(change, self._project(change.before.path))}
        self._ids |= zip(sorted(names), self.builder.ids(sorted(names)), strict=True)

    def prove(self, change: Change) -> Proof:
        """Return the proof of a change: one that was made before, if nothing has changed since."""
        try:
            return self._proven(change)
        except (Unreadable, OSError) as error:
            why = f"the context cannot be read: {getattr(error, 'strerror', None) or error}".lower()
            texts = [text_hash(source) for source in (change.before, change.after)]
            return Proof(
                change.before.path,
                "not-checked",
                why,
                before=texts[0],
                after=texts[1],
                builder=self.version,
                date=_now(),
                by=account(),
                unsafe=change.unsafe,
            )

    def _proven(self, change: Change) -> Proof:
        path = change.before.path
        context = context_of(path, change.before.text, self.folders(path))
        smoke, project = tuple(self.smoke(path)), self._project(path)
        passed = self._passed(context)
        key = Proof(
            path,
            "not-checked",
            "",
            before=text_hash(change.before),
            after=text_hash(change.after),
            context=ground(path, change.before.text, self.folders, self.records.folders),
            options=_options(self.builder.name, passed, smoke, self.secrets),
            images=self._images(change, project),
            added=tuple(sorted({*images_of(change.after)} - {*images_of(change.before)})),
            places=_places(change),
            builder=self.version,
            date=_now(),
            by=account(),
            unsafe=change.unsafe,
        )
        if missing := self._missing(context, project):
            return key._replace(reason=missing)
        if (known := self._known(key)) is not None:
            return known
        before, after, begun = self._both(change, key, context, Asked(passed, smoke, project))
        verdict, reason, rows = compare(before, after, smoke)
        failed = before.failure if not before.built else after.failure
        return key._replace(
            verdict=verdict,
            reason=reason,
            rows=tuple(map(self._without_secrets, rows)),
            images=self._images(change, project, built=True),
            line=failed.line if failed else 0,
            cause=failed.cause.title if failed and failed.cause else "",
            predicted=_predicted(failed, change) if failed and verdict == "broken" else "",
            seconds=time.monotonic() - begun,
        )

    def _project(self, path: str) -> Project | None:
        return compose.project_of(path) if self.builder.runs else None

    def _without_secrets(self, row: Row) -> Row:
        hide = self.secrets.hidden
        return Row(hide(row.name), hide(row.before), hide(row.after), row.weight)

    def _passed(self, context: Context) -> PassedOn:
        given = tuple(f"{name}={value}" for name, value in context.arguments)
        target = self.passed.target or context.target
        return self.passed._replace(arguments=(*given, *self.passed.arguments), target=target)

    def _missing(self, context: Context, project: Project | None) -> str:
        """Return which build argument Compose would take from here, or "": what is here is handed to a repository's
        code only if the command line names it."""
        given = {one.partition("=")[0] for one in self.passed.arguments}
        builds = [one.build for one in project.siblings if one.build] if project else []
        for name, beside_it in (*context.unvalued, *(one for build in builds for one in build.unvalued)):
            if name not in given and (beside_it or name in os.environ):
                place = "its .env file" if beside_it else "the environment"
                return f"Compose takes the build argument {name} from {place}: give it with --build-arg {name}"
        return ""

    def _known(self, key: Proof) -> Proof | None:
        if self.passed.pull:
            return None
        for proof in self.records.of(key.before, key.after, key.path):
            if not stale(proof, key):
                return proof
        return None

    def _images(self, change: Change, project: Project | None, built: bool = False) -> tuple[tuple[str, str], ...]:
        """Return the images that a change and its siblings are built from or started of, with their ids on this
        machine, "" for none. Once it is ``built``, they are asked for again: a name may be another image's by then."""
        names = _images_of(change, project)
        asked = [one for one in names if built or one not in self._ids]
        self._ids |= zip(asked, self.builder.ids(asked), strict=True)
        return tuple((name, self._ids[name]) for name in names)

    def _both(self, change: Change, key: Proof, context: Context, asked: "Asked") -> tuple[Observed, Observed, float]:
        """Return what is seen before and after, and when its turn began. The image of before runs while that of after
        is built and, unless both are in a network that is named, started; where it cannot be built, that of after is
        not. Other changes are built while these run."""
        place = (key.before, key.context, key.options)
        path, watched = change.before.path, Future[Observed]()
        with ThreadPoolExecutor(1) as pool:
            with self._turn():
                begun = time.monotonic()
                if place in self._seen:
                    first, before = self._seen[place]
                    watched.set_result(before)
                else:
                    first = self._built(change.before, "before", context, asked)
                    if first.id:
                        self._prepare(asked.project)
                    watched = pool.submit(self._started, first, path, Look("before"), asked)
                second = self._built(change.after, "after", context, asked) if first.id else first
            after = self._started(second, path, Look("after"), asked, watched)
            before = watched.result()
            if doubtful(before, after):
                watched = pool.submit(self._started, first, path, Look("before, for longer", True), asked)
                after = worse(after, self._started(second, path, Look("after, for longer", True), asked, watched))
                before = worse(before, watched.result(), after)
            self._seen[place] = first, before
        return before, after, begun

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until a change may be built."""
        with self._building:
            self.builder.processes.check()
            yield

    def _prepare(self, project: Project | None) -> None:
        """Build the siblings of a service that will be started."""
        if project and not unready(project):
            for one in project.siblings:
                if one.dockerfile:
                    self._sibling(one)

    def _built(self, source: Source, which: str, context: Context, asked: "Asked") -> "Image":
        """Build an image, from a Dockerfile outside of the context."""
        folder = os.path.join(self.folder, os.urandom(8).hex())
        os.mkdir(folder, 0o700)
        path, ignored = os.path.join(folder, "Dockerfile"), ""
        with open(path, "wb") as file:
            file.write(source.data)
        if context.own:
            ignored = f"{path}.dockerignore"
            with open(ignored, "wb") as file:
                file.write(contents(context.ignore_file))
        self.say(f"{source.path}: building {which} (context {os.path.relpath(context.folder)})")
        built = self.builder.build(path, ignored, context.folder, asked.passed, folder)
        return Image(built.id, None if built.id else self._failure(built, source, asked.passed))

    def _started(
        self, image: "Image", path: str, look: Look, asked: "Asked", before: "Future[Observed] | None" = None
    ) -> Observed:
        """Start an image, and watch it for some seconds. What that of ``before`` writes decides whether its own writes
        count."""
        if not image.id:
            return Observed(False, image.failure)
        if before:
            look = look._replace(writes=lambda: bool(lasting(before.result().running)))
        config = config_of(self.builder.inspect(image.id))
        self.say(f"{path}: starting {look.name}")
        alone = self._alone(before) if asked.shares else nullcontext()
        running, reader = self._observed(image.id, config, asked, look, alone)
        running = self._hidden(running)
        failed = running.start == "failed" or running.code != 0 or running.health not in ("", "ok")
        told = failures.of_container(running.output, running.errors, running.message, running.health)
        return Observed(True, told if failed else None, config, reader.files, running, reader.cut)

    @contextmanager
    def _alone(self, before: "Future[Observed] | None") -> Iterator[None]:
        """Have the network that containers may share, after that of ``before``, for which its holder will wait."""
        if before:
            before.result()
        with self.alone:
            yield

    def _observed(
        self, id: str, config: Config, asked: "Asked", look: Look, alone: AbstractContextManager[Any]
    ) -> tuple[Running, Reader]:
        """Start an image and watch it, with its siblings."""
        if asked.project is None:
            return observe(self.builder, id, config, asked.passed, asked.smoke, look, alone=alone)
        try:
            with alone, beside(self.builder, asked.project, asked.passed, self._sibling) as given:
                own, config = given(config)
                return observe(self.builder, id, config, asked.passed, asked.smoke, look, own)
        except Unmet as error:
            return Running("unmet", message=str(error)), Reader()

    def _sibling(self, service: Service) -> str:
        """Return the id of the image of a sibling that is built as it is, "" if that fails."""
        with self._siblings:
            place = service.dockerfile, service.build
            if place not in self._built_siblings:
                source = Source.read(service.dockerfile)
                folder = self.folders(service.dockerfile)
                context = context_of(service.dockerfile, source.text, folder, service.build)
                passed = self._passed(context)._replace(target=context.target)
                built = self._built(source, "a sibling", context, Asked(passed, ()))
                self._built_siblings[place] = built.id
            return self._built_siblings[place]

    def _failure(self, built: Built, source: Source, passed: PassedOn) -> failures.Failure:
        if built.code is None:
            return failures.Failure(0, "", f"took more than {passed.timeout:.0f} s", None)
        return failures.of_build(self.secrets.hidden(built.log), source.text)

    def _hidden(self, running: Running) -> Running:
        hide = self.secrets.hidden
        return running._replace(
            message=hide(running.message),
            output=hide(running.output),
            errors=hide(running.errors),
            health=hide(running.health),
            smoke=tuple(map(hide, running.smoke)),
            written=tuple(map(hide, running.written)),
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def images_of(source: Source) -> list[str]:
    """Return the images that a Dockerfile is built from, as far as their names are known."""
    images = images_in(source, otherwise=dockerfile)
    return sorted({image.ref.value for image in images if not image.local and "$" not in image.ref.value})


def _places(change: Change) -> tuple[tuple[int, int], ...]:
    """Return where a change brings other images: the starts of each before and after."""
    before, after = (images_in(source, otherwise=dockerfile) for source in (change.before, change.after))
    if len(before) != len(after):
        return ()
    pairs = zip(before, after, strict=True)
    return tuple((one.start, other.start) for one, other in pairs if one.ref.value != other.ref.value)


def _images_of(change: Change, project: Project | None) -> list[str]:
    """Return the images that a change and its siblings are built from or started of."""
    return sorted({*images_of(change.before), *images_of(change.after), *images_beside(project)})


def images_beside(project: Project | None) -> Iterator[str]:
    """Yield the images that the siblings of a service are started of or built from."""
    for one in project.siblings if project else ():
        if one.dockerfile:
            with suppress(OSError, Unreadable):
                yield from images_of(Source.read(one.dockerfile))
        elif one.image:
            yield one.image


def stale(proof: Proof, now: Proof) -> str:
    """Return why a proof does not fit what is there now, or "". Options that are not known now are not compared."""
    if (proof.before, proof.after) != (now.before, now.after):
        return "the Dockerfile has changed"
    if proof.context != now.context:
        return CHANGED
    if now.options and proof.options != now.options:
        return "it was built with other options"
    then = dict(proof.images)
    for name, id in now.images:
        if then.get(name, "") != id:
            return f"{name} is another image now"
        if not id and proof.date[:10] != now.date[:10]:
            return f"{name} is not on this machine, and may be another image now"
    return ""


def _options(name: str, passed: PassedOn, smoke: Sequence[Smoke], secrets: Secrets) -> str:
    """Return a hash of how a builder is asked, with the values of secrets."""
    asked = (name, passed._replace(pull=False, timeout=0), tuple(smoke), secrets.values)
    return hashlib.sha256(repr(asked).encode("utf-8", "surrogateescape")).hexdigest()


def _predicted(failure: failures.Failure, change: Change) -> str:
    """Return what predicts a failure: of what is said of the file, else of what is said of the changed one."""
    found = _told(failure, change.result)
    moved = _told(failure, change.moved) if change.moved and not found else ""
    return found or (moved and f"{moved} (in the changed file)")


def _told(failure: failures.Failure, result: Result) -> str:
    """Return what of the findings and reasons of a file predicts a failure."""
    source = result.source
    found = [
        (finding.rule, source.position(finding.start)[0])
        for finding in result.findings
        if finding.level in ("warning", "error")
    ]
    reasons = [(reason.id, reason.message) for move in result.outcomes for reason in move.reasons]
    return failures.predicted(failure, found, reasons)
