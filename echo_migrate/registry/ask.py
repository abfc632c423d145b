"""Ask registries the questions of a run: whether targets are there for this account, their digests, tags and
configurations.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TypeVar

from echo_migrate.images.answers import Answer, Answers, Config, full_name
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import facts_of
from echo_migrate.images.migration import assess
from echo_migrate.images.reference import parsed
from echo_migrate.model import STATUSES, Image, Variant
from echo_migrate.registry.client import Client
from echo_migrate.registry.errors import Denied, NotFound, RegistryError
from echo_migrate.registry.image import config_of, index_of, kept_config, manifest_of, version_of

_ROUNDS = 6
"""The most rounds of questions: one for targets, one for tags, one for those chosen among them, and configurations."""

_AT_ONCE = 16
_VARIANTS: tuple[Variant, ...] = ("runtime", "dev")
NOTHING: Mapping[str, Answer] = MappingProxyType({})
_Found = TypeVar("_Found")


class Asking:
    """A run's questions to registries. ``notes`` says of each registry once why it gave no answer.

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

    def answers(self, images: Iterable[Image], catalog: Catalog, today: str = "", pin: bool = False) -> Answers:
        """Return the answers for the migrations of images: of every target that may be written, and, where it is
        there, the configurations of both images. ``today`` is an ISO date."""
        asking = list(
            {(image.ref.value, image.resolved, image.choices): image for image in images if not image.local}.values()
        )
        answers = Answers(pin)
        answers.images.update(self.known)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in range(_ROUNDS):
                answers = answers.next()
                asking = note_questions(asking, catalog._replace(answers=answers), today, self.hardened)
                if not asking:
                    break
                answers.images |= self._all(pool, self.image, answers.asked_images)
                answers.tags |= self._all(pool, self.tags, answers.asked_tags)
                answers.configs |= self._all(pool, self.config, answers.asked_configs)
        return answers

    def _all(self, pool: ThreadPoolExecutor, ask: Callable[[str], _Found], names: Iterable[str]) -> dict[str, _Found]:
        asked = list(names)
        return dict(zip(asked, pool.map(ask, asked), strict=True))

    def image(self, full: str) -> Answer:
        """Return the answer for one image by its full name."""
        name, reference = split(full)
        host = name.partition("/")[0]
        try:
            kept = self.client.noted(name, "answer", reference)
            return _from_data(kept) or self._asked(name, reference)
        except Denied as error:
            entitled = error.logged_in and not error.login_refused
            if not entitled:
                self.notes.setdefault(host, _said(error))
            return Answer("not-entitled" if entitled else "unconfirmed", said=error.remedy)
        except RegistryError as error:
            self.notes.setdefault(host, _said(error))
            return Answer("unconfirmed", said=error.message)

    def _asked(self, name: str, reference: str) -> Answer:
        """Return the registry's answer, and keep it. Raises ``RegistryError`` if there is none."""
        try:
            index = index_of(self.client, name, reference)
            config, platform = config_of(self.client, name, index)
            platforms = index.platforms or ((platform,) if platform else ())
            answer = Answer("available", index.digest, platforms, config.created, version=version_of(config))
        except NotFound as error:
            answer = Answer("no-such-image" if error.name_unknown else "no-such-tag")
        self.client.note(name, "answer", reference, answer)
        return answer

    def tags(self, repository: str) -> frozenset[str] | None:
        """Return the tags of a repository, None if the registry does not list them."""
        try:
            return frozenset(self.client.tags(repository))
        except RegistryError as error:
            self.notes.setdefault(repository.partition("/")[0], _said(error))
            return None

    def config(self, full: str) -> Config | None:
        """Return the configuration of an image, None if it is not to be had."""
        name, reference = split(full)
        try:
            kept = None if self.deep else kept_config(self.client, name, reference)
            if kept:
                return kept
            index = index_of(self.client, name, reference)
            config, _ = config_of(self.client, name, index)
            if self.deep:
                from echo_migrate.registry.layers import contents_of

                manifest = manifest_of(self.client, name, index)
                config = config._replace(contents=contents_of(self.client, name, manifest, config))
            return config
        except RegistryError as error:
            self.notes.setdefault(name.partition("/")[0], _said(error))
            return None


def _from_data(kept: object) -> Answer | None:
    """Return an answer from the cache's data, None if it is not what was put there."""
    if not isinstance(kept, list) or len(kept) != len(Answer._fields) or kept[0] not in STATUSES:
        return None
    status, digest, platforms, created, said, version, verified = kept
    texts = (digest, created, said, version, *platforms, *verified)
    return Answer(status, digest, tuple(platforms), created, said, version) if all(map(_is_text, texts)) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def split(full: str) -> tuple[str, str]:
    """Return the repository's name and the tag or digest of a full name."""
    name, at, digest = full.partition("@")
    if at:
        return name, digest
    name, _, tag = full.rpartition(":")
    return name, tag


def _said(error: RegistryError) -> str:
    return f"{error.message} ({error.remedy})" if error.remedy else error.message


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
