"""The laws of the data in ``mappings/``, and what a user's own mapping file may say."""

from pathlib import Path

import pytest
import yaml

from echo_migrate.engine.fix import fix_source
from echo_migrate.files.data import MappingError, blocks, folder, parse_yaml
from echo_migrate.files.source import Source, Traced
from echo_migrate.formats import recognised
from echo_migrate.images import catalog, mapping_file, moved, providers
from echo_migrate.images.migration import assess
from echo_migrate.images.reference import parse
from echo_migrate.model import Image
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings

FOLDER = Path(folder())
UPSTREAM = parse_yaml((FOLDER / "upstream.yaml").read_text())
PUBLISHERS = parse_yaml((FOLDER / "publishers.yaml").read_text())
PROVIDERS = providers.providers()
CATALOG = frozenset(blocks("images/docker.yaml"))


def data(provider: str) -> dict[str, object]:
    loaded = parse_yaml((FOLDER / f"{provider}.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("provider", PROVIDERS)
def test_rows(provider: str) -> None:
    file = data(provider)
    assert set(file) == set(mapping_file.KEYS) - {mapping_file.TAG_LISTS}
    images, seen = file["images"], file["seen"]
    assert isinstance(images, dict)
    assert isinstance(seen, list)
    for names in (list(images), seen):
        assert names == sorted(set(names))
    targets = {image for key, image in images.items() if image and ":" not in key}
    official, removed = set(UPSTREAM["official"]["images"]), set(UPSTREAM["removed"]["images"])
    known = official | removed | set(PUBLISHERS["aliases"]["images"].values())
    for key, image in images.items():
        name, _, words = key.partition(":")
        assert (image is None) == words.startswith("!"), key
        if image is None:
            continue
        assert parse(f"{file['registry']}/{image}").tag is None, key
        assert name == image or name not in targets or words, f"{key} leads away from an identical name"
        successor = UPSTREAM["retired"]["images"].get(name, {}).get("successor")
        assert name not in removed or successor, f"{key} is no official image any more, and none of its project's"
        assert "*" in seen or image in seen or (name == image and name in official), (
            f"{key} rests neither on evidence nor on the convention"
        )
        assert name in known or image in seen or "*" in seen, f"{key} is no upstream name"
        assert parse(name).repository == name
        assert provider != "docker" or image in CATALOG, f"{key} leads to no image of Docker's catalog"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_chains_and_no_target_that_moves_again(provider: str) -> None:
    known = catalog.load(provider)
    for name in sorted(set(known.rows) - {"*"}):
        text = f"FROM {name}:1"
        move = assess(Image(Traced.of(text, 5, len(text)), "FROM", 5, len(text)), known)
        if move.edits:
            moved = Source("f", text).apply(move.edits).text
            again = assess(Image(Traced.of(moved, 5, len(moved)), "FROM", 5, len(moved)), known)
            assert again.state == "hardened"


@pytest.mark.parametrize(
    "tag", ["", ":latest", ":1", ":1.2.3-alpine3.20", f"@sha256:{'0' * 64}", f":2@sha256:{'0' * 64}"]
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_name_has_an_answer_in_each_spelling(provider: str, tag: str) -> None:
    known = catalog.load(provider)
    for name in sorted(set(known.rows) - {"*"}):
        for value in (name + tag, f"docker.io/library/{name}{tag}", f"registry.example/{name}{tag}"):
            move = assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), known)
            assert move.edits or move.reasons
            assert not move.edits or Source("f", value).apply(move.edits).text == move.target


def test_operating_systems_have_no_convention_row() -> None:
    rows = catalog.load("echo").rows
    assert not {"alpine", "ubuntu", "fedora", "busybox", "rockylinux", "amazonlinux", "archlinux"} & set(rows)
    assert "debian" in rows


def test_upstream_facts() -> None:
    for name, block in [*UPSTREAM.items(), *PUBLISHERS.items()]:
        assert block.get("source"), name
        assert block.get("date"), name
    official, removed = UPSTREAM["official"]["images"], UPSTREAM["removed"]["images"]
    assert not set(official) & set(removed)
    for names in (
        official,
        removed,
        *UPSTREAM["families"]["images"].values(),
        *UPSTREAM["variants"]["images"].values(),
        *UPSTREAM["distributions"]["words"].values(),
    ):
        assert names == sorted(set(names))
    for names in (*UPSTREAM["families"]["images"].values(), *UPSTREAM["variants"]["images"].values()):
        assert {name.partition(":")[0] for name in names} <= set(official) | set(
            PUBLISHERS["aliases"]["images"].values()
        )
    words = [word for group in UPSTREAM["distributions"]["words"].values() for word in group]
    assert len(words) == len(set(words))
    assert set(UPSTREAM["distributions"]["debian_releases"]) <= set(UPSTREAM["distributions"]["words"]["debian"])


def test_words_name_families() -> None:
    family = catalog.load().word_family
    assert [
        family(word)
        for word in ("alpine3.20", "alpine", "jammy", "bookworm", "ubi9", "al2023", "jre", "slim", "debian12")
    ] == ["alpine", "alpine", "ubuntu", "debian", "redhat", "redhat", None, None, "debian"]


def test_a_users_rows_are_laid_over_and_vouched_for(tmp_path: Path) -> None:
    mapping = tmp_path / "my.yaml"
    mapping.write_text('images:\n  acme/base: base\n  python: snake\n  "node:!fips":\n  "node:lts": node-lts\n')
    known = catalog.load(mapping=str(mapping))
    assert known.registry == "reg.echohq.com"
    rows = {
        name: known.row(name, frozenset(words)) for name, words in (("python", []), ("node", ["lts"]), ("nginx", []))
    }
    assert [row.image if row else "" for row in rows.values()] == ["snake", "node-lts", "nginx"]
    assert rows["python"] is not None
    assert rows["python"].seen
    assert known.upstream(parse("acme/base")) == catalog.Upstream("acme/base")
    refused = known.row("node", frozenset(["22", "fips"]))
    assert refused is not None
    assert refused.image is None
    move = assess(Image(Traced.of("node:lts", 0, 8), "FROM", 0, 8), known)
    assert (move.target, move.safe) == ("reg.echohq.com/node-lts", True), "the row takes the place of the whole tag"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("imagse: {}", ":1: is no mapping file: did you mean 'images'?"),
        ("images: {}\nregstry: a", ":2: unknown key 'regstry': did you mean 'registry'?"),
        ("title: a\nsecret of mine: b", ":2: unknown key: known are"),
        ("images: []", "images: must be a table"),
        ("images:\n  a: b:1", "images: a: b:1 is no image name"),
        ("images:\n  a: 1", "images: a: write text on both sides"),
        ("images:\n  a:", "images: a: only a key with ! has no image"),
        ("images: {a", "is not valid YAML"),
        ("- a", "is no mapping file: its keys are"),
        ("registry: 'https://a'", "is not HOST"),
        ("registry: reg/a:1", "is not HOST"),
        ("tags: some", "tags: must be one of unconfirmed, listed, unknown"),
        ("tags: listed", "tags: no list of Echo's tags is known: write unconfirmed"),
        ("drop_in: 'yes'", "drop_in: must be true or false"),
        ("\tx", "is not valid YAML"),
    ],
)
def test_a_faulty_mapping_file_is_said(tmp_path: Path, text: str, says: str) -> None:
    mapping = tmp_path / "my.yaml"
    mapping.write_text(text)
    with pytest.raises(MappingError) as error:
        catalog.load(mapping=str(mapping))
    assert str(mapping) in str(error.value)
    assert says in str(error.value)


def test_publishers() -> None:
    own, repackagers, lookalikes = (PUBLISHERS[block]["namespaces"] for block in ("own", "repackagers", "lookalikes"))
    aliases, repackaged = PUBLISHERS["aliases"]["images"], PUBLISHERS["repackagers"]["images"]
    retired = UPSTREAM["retired"]["images"]
    for names in (own, repackagers, lookalikes, list(aliases), list(repackaged), list(retired)):
        assert names == sorted(set(names))
        assert all(name.isascii() for name in names)
    assert not set(own) & set(repackagers)
    assert not set(own) & set(lookalikes)
    assert not set(aliases) & set(repackaged)
    for name in (*aliases.values(), *repackaged.values(), *aliases, *repackaged, *retired):
        assert parse(name).tag is None
    official = set(UPSTREAM["official"]["images"])
    assert not official & set(aliases), "an official image needs no alias"
    assert set(retired) - official == set(UPSTREAM["removed"]["images"])
    for name, image in aliases.items():
        assert name.startswith("gcr.io/distroless/") or aliases.get(image, image) == image, f"{name} is a chain"


def test_keys_stand_once() -> None:
    """YAML would silently take the last of two."""
    for path in [*FOLDER.glob("*.yaml"), *FOLDER.glob("images/[!d]*.yaml")]:
        root = yaml.compose(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _ in node.value]
                assert len(keys) == len(set(keys)), path
                waiting += [value for _, value in node.value]


MOVED = parse_yaml((FOLDER / "moved.yaml").read_text())


@pytest.mark.parametrize("key", [key for key in MOVED if key != "_about"])
def test_only_evidence_makes_a_swap(key: str) -> None:
    row = MOVED[key]
    assert set(row) <= {"state", "since", "to", "same", "first", "free", "kept", "source"}
    assert row["source"]
    assert not row.get("same") or (row["to"] and "common knowledge" not in row["source"])
    assert ("*" in row["to"]) <= key.endswith("/*")
    name = key.replace("*", "some-image")
    value = name if ":" in name.rpartition("/")[2] else f"{name}:1"
    image = Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value))
    found, reference = moved.swap(image, parse(value), parse(value).name), parse(value)
    host, _, rest = name.partition("/")
    folder = MOVED.get(f"{host}/*", {}) if row["state"] == "ended" and not row["to"] else {}  # its registry moved
    own, rest = (folder, rest) if folder else (row, "some-image")
    assert (found is not None) == own.get("same", False)
    fact = catalog.load().moved(reference)
    assert (fact is None) == (row["state"] == "alive" or "free" in row)
    if found:
        assert found.target == f"{own['to'].replace('*', rest)}:1"
        assert found.safe
    for pin in ("", f"@sha256:{'a' * 64}"):
        source = Source("Dockerfile", f"FROM {value}{pin}\n")
        known = Settings(catalog.load(), (RULES["retired-image"],), apply=True, today="2026-11-24")
        format = recognised(source.path, source.text)
        assert format
        result = fix_source(source, format, known)
        before = [*result.findings, *fix_source(source, format, known._replace(apply=False)).findings]
        assert {(one.rule, one.level, one.message) for one in before} <= {
            ("retired-image", "warning", fact.message if fact else "")
        }
        assert bool(before) == bool(fact)
        assert result.fixed.text == (f"FROM {found.target}{pin}\n" if found else source.text)


@pytest.mark.parametrize(
    ("name", "upstream", "state"),
    [
        ("registry.digitalocean.com/acme/shop:1", None, "first-party"),
        ("registry.heroku.com/shop/web", None, "first-party"),
        ("ko://example.com/shop/cmd/web", None, "first-party"),
        ("github.com/acme/shop/cmd/web", None, "first-party"),
        ("${REGION}-docker.pkg.dev/${PROJECT}/shop/web:1", None, "first-party"),
        ("$ACCOUNT.dkr.ecr.$REGION.amazonaws.com/web", None, "first-party"),
        ("<ACCOUNT>.dkr.ecr.<REGION>.amazonaws.com/web", None, "first-party"),
        ("ACCOUNT_ID.dkr.ecr.REGION.amazonaws.com/<TEAM>/web:1", None, "first-party"),
        ("<ACCOUNT>.dkr.ecr.<REGION>.amazonaws.com/node:22", None, "needs-person"),
        ("<HOST>/web:1", None, "needs-person"),
        ("${aws_ecr_repository.web[0].repository_url}:${var.tag}", None, "first-party"),
        ("${data.azurerm_container_registry.main.login_server}/web:1", None, "first-party"),
        ("${aws_ecr_repository.web.arn}:1", None, "needs-person"),
        ("ghcr.io/$GITHUB_REPOSITORY_OWNER/web:1", None, "first-party"),
        ("gcr.io/$PROJECT_ID/web:1", None, "first-party"),
        ("${HOST}:5000/web", None, "first-party"),
        ("$CI_REGISTRY_IMAGE/web:1", None, "first-party"),
        ("${CI_REGISTRY}/library/node:22", None, "needs-person"),
        ("ghcr.io/${{ github.repository_owner }}/web", None, "first-party"),
        ("gcr.io/distroless/$IMAGE", None, "needs-person"),
        ("gcr.io/$BASE", None, "needs-person"),
        ("gcr.io/${D}/static:nonroot", None, "needs-person"),
        ("gcr.io/${D}/java21-debian13", None, "needs-person"),
        ("gcr.io/$PROJECT/static/web", None, "first-party"),
        ("1.dkr.ecr.us-east-1.amazonaws.com/docker-hub/library/$D:3", None, "needs-person"),
        ("acme.jfrog.io/docker-remote/library/${N}:3.12", None, "needs-person"),
        ("acme.jfrog.io/docker-remote/$D/python:3.12", None, "needs-person"),
        ("acme.jfrog.io/$TEAM/web:1", None, "first-party"),
        ("releases-docker.jfrog.io/jfrog/artifactory-oss:7.1", None, "no-replacement"),
        ("${REGISTRY}/web:1", None, "needs-person"),
        ("${REGISTRY}/node:22", None, "needs-person"),
        ("$ACCOUNT.dkr.ecr.$REGION.amazonaws.com/node:22", None, "needs-person"),
        ("registry.example.org/$TEAM/web", None, "needs-person"),
        ("chainguard/bash:latest", "bash", "hardened"),
        ("docker.io/chainguard/unheard-of", None, "hardened"),
        ("public.ecr.aws/nginx/nginx:1.30", "nginx", "migrate"),
        ("public.ecr.aws/nginx/nginx-unprivileged:1.30", None, "no-replacement"),
    ],
)
def test_where_images_of_a_registry_belong(name: str, upstream: str | None, state: str) -> None:
    move = assess(Image(Traced.of(name, 0, len(name)), "FROM", 0, len(name)), catalog.load("echo"))
    assert (move.upstream, move.state) == (upstream, state)
