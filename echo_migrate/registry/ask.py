"""Ask registries the questions of a run: whether targets are there for this account, their digests, tags and
configurations.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from echo_migrate.images.answers import Answer, Answers, Config
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import facts_of
from echo_migrate.images.migration import assess
from echo_migrate.images.reference import full_name, parsed
from echo_migrate.model import STATUSES, Image, Variant
from echo_migrate.registry.client import Client
from echo_migrate.registry.content import platform
from echo_migrate.registry.errors import Denied, NotFound, RegistryError
from echo_migrate.registry.image import config_from, configuration_of, index_of, manifest_of, version_of

_ROUNDS = 6
"""The most rounds of questions: one for targets, one for tags, one for those chosen among them, and configurations."""

_VARIANTS: tuple[Variant, ...] = ("runtime", "dev")
NOTHING: Mapping[str, Answer] = MappingProxyType({})
_Found = TypeVar("_Found")


class Asking:
    """A run's questions to registries. ``notes`` has, for each registry that gave no answer, the reason once.

    ``known`` are answers that are not asked for again; ``hardened``: also ask for the provider's images in use;
    ``deep``: also read the layers of images.
    """

    def __init__(
        self, client: Client, known: Mapping[str, Answer] = NOTHING, hardened: bool = False, deep: bool = False
    ) -> None:
        self.client = client
        self.known = known
        self.hardened = hardened
        self.deep = deep
        self.notes: dict[str, str] = {}
        self._entries: dict[str, tuple[Answer, Config | None] | None] = {}

    def answers(self, images: Iterable[Image], catalog: Catalog, today: str = "", pin: bool = False) -> Answers:
        """Return the answers for the migrations of images: of every target that may be written, and, where it is
        there, the configurations of both images. ``today`` is an ISO date."""
        asking = list(
            {(image.ref.value, image.resolved, image.choices): image for image in images if not image.local}.values()
        )
        answers = Answers(pin, kept=self)
        answers.images.update(self.known)
        for _ in range(_ROUNDS):
            answers = answers.next()
            asking = note_questions(asking, catalog._replace(answers=answers), today, self.hardened)
            if not asking:
                break
            answers.images |= self._all(self.image, answers.asked_images)
            answers.tags |= self._all(self.tags, answers.asked_tags)
            answers.configs |= self._all(self.config, answers.asked_configs)
        answers.kept = None
        return answers

    def _all(self, ask: Callable[[str], _Found], names: Iterable[str]) -> dict[str, _Found]:
        """Return what is answered, by name. What is known to get no answer needs no thread."""
        asked = list(names)
        silent = {one: ask(one) for one in asked if self.client.silent(one.partition("/")[0])}
        others = [one for one in asked if one not in silent]
        return silent | dict(zip(others, self.client.at_once(ask, others) if others else (), strict=True))

    def answer(self, full: str) -> Answer | None:
        """Return the answer for an image that an earlier run got, None if there is none."""
        kept = self._kept(full)
        return kept[0] if kept else None

    def configuration(self, full: str) -> Config | None:
        """Return the configuration of an image that an earlier run got, None if it is not to be had now, either.

        Raises ``KeyError`` if nothing is known of it.
        """
        host = full.partition("/")[0]
        if error := self.client.silent(host):
            self.notes.setdefault(host, error.sentence)
            return None
        kept = None if self.deep else self._kept(full)
        if kept is None:
            raise KeyError(full)
        return kept[1]

    def _kept(self, full: str) -> tuple[Answer, Config | None] | None:
        """Return what an earlier run got of an image: one entry of the cache, which is asked for twice."""
        if full not in self._entries:
            self._entries[full] = None
            with contextlib.suppress(RegistryError):
                name, reference = split(full)
                self._entries[full] = _from_data(self.client.noted(name, "image", reference))
        return self._entries[full]

    def image(self, full: str) -> Answer:
        """Return the answer of the registry for one image by its full name."""
        host = full.partition("/")[0]
        try:
            return self._asked(full)[0]
        except Denied as error:
            entitled = error.logged_in and not error.login_refused
            if not entitled:
                self.notes.setdefault(host, error.sentence)
            return Answer("not-entitled" if entitled else "unconfirmed", said=error.remedy)
        except RegistryError as error:
            self.notes.setdefault(host, error.sentence)
            return Answer("unconfirmed", said=error.message)

    def _asked(self, full: str) -> tuple[Answer, Config | None]:
        """Return the registry's answer and the image's configuration, and keep both. Raises ``RegistryError`` if there
        is no answer."""
        name, reference = split(full)
        config, data, size = None, None, 0
        try:
            index = index_of(self.client, name, reference)
            data, size = configuration_of(self.client, name, index)
            config = config_from(data, size)
            platforms = index.platforms or ((platform(data),) if platform(data) else ())
            answer = Answer("available", index.digest, platforms, config.created, version=version_of(config))
        except NotFound as error:
            answer = Answer("no-such-image" if error.name_unknown else "no-such-tag")
        short = {key: data.get(key) for key in ("config", "created")} if data else None
        self.client.note(name, "image", reference, (answer, short, size))
        self._entries[full] = answer, config
        return answer, config

    def tags(self, repository: str) -> frozenset[str] | None:
        """Return the tags of a repository, None if the registry does not list them."""
        try:
            return frozenset(self.client.tags(repository))
        except RegistryError as error:
            self.notes.setdefault(repository.partition("/")[0], error.sentence)
            return None

    def config(self, full: str) -> Config | None:
        """Return the configuration of an image, None if it is not to be had."""
        try:
            config = (self._kept(full) or self._asked(full))[1]
            if config and self.deep:
                from echo_migrate.registry.layers import contents_of

                name, reference = split(full)
                manifest = manifest_of(self.client, name, index_of(self.client, name, reference))
                config = config._replace(contents=contents_of(self.client, name, manifest, config))
            return config
        except RegistryError as error:
            self.notes.setdefault(full.partition("/")[0], error.sentence)
            return None


def _from_data(kept: Any) -> tuple[Answer, Config | None] | None:
    """Return an answer and a configuration from the cache's data, None if they are not what was put there."""
    try:
        (status, digest, platforms, created, said, version, verified), data, size = kept
        texts = (digest, created, said, version, *platforms, *verified)
    except (TypeError, ValueError):
        return None
    if status not in STATUSES or not all(isinstance(one, str) for one in texts) or not isinstance(size, int):
        return None
    config = config_from(data, size) if isinstance(data, dict) else None
    return Answer(status, digest, tuple(platforms), created, said, version), config


def split(full: str) -> tuple[str, str]:
    """Return the repository's name and the tag or digest of a full name."""
    name, at, digest = full.partition("@")
    if at:
        return name, digest
    name, _, tag = full.rpartition(":")
    return name, tag


def note_questions(images: Iterable[Image], catalog: Catalog, today: str, hardened: bool = False) -> list[Image]:
    """Note in the catalog's answers what the migrations of images ask; ``hardened``: and what is in use already.

    Return the images that asked what has no answer yet: their migrations may ask more, once it has.
    """
    if catalog.answers is None:
        return []
    waiting = []
    for image in images:
        before = catalog.answers.open
        reference = parsed(image.ref.value) if hardened else None
        if reference and reference.name.startswith(f"{catalog.registry}/"):
            catalog.answers.image(full_name(reference._replace(digest=None)))
        for variant in _VARIANTS if catalog.tags == "listed" else _VARIANTS[:1]:
            move = assess(image, catalog, today=today, variant=variant)
            if move.status == "available" and move.target:
                facts_of(move.target.partition("@")[0], catalog)
                facts_of(image.ref.value, catalog)
        if catalog.answers.open > before:
            waiting.append(image)
    return waiting
