"""What a pull request consists of as text: its description, the choices in it, code owners, names of branches."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from echo_migrate.cli.pull_request import owners
from echo_migrate.cli.pull_request.body import LONGEST, Memory, View, body, closing, noted, remembered
from echo_migrate.cli.pull_request.forge import ForgeFailed
from echo_migrate.cli.pull_request.github import repository_of
from echo_migrate.cli.pull_request.life import is_sealed, seal
from echo_migrate.cli.pull_request.moves import BRANCHES, Group, Move, digest, service_of
from echo_migrate.cli.pull_request.plan import propose
from echo_migrate.files.code_owners import CodeOwners
from echo_migrate.files.scratch import Commit, Person
from echo_migrate.images import catalog
from echo_migrate.proof.compare import Verdict
from echo_migrate.proof.records import Proof
from tests.test_github_comment import HOSTILE, LINKED, Rendered, words

OURS = {
    "p",
    "strong",
    "code",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "blockquote",
    "ul",
    "li",
    "h3",
    "pre",
    "input",
}


def move(path: str = "Dockerfile", reference: str = "python:3.12", line: int = 1) -> Move:
    return Move(path, line, reference, reference, f"reg.echohq.com/{reference}", "python", "seen", False)


def view(*made: Move, left_out: tuple[Move, ...] = (), choices: frozenset[str] = frozenset()) -> View:
    return View(Group("", ""), made, left_out, (), choices, catalog.load("echo"))


@given(words, words)
def test_no_name_breaks_out_of_the_description(path: str, reference: str) -> None:
    check_rendered(path, reference)


@pytest.mark.parametrize("text", HOSTILE)
def test_nor_does_one_that_was_made_for_it(text: str) -> None:
    check_rendered(text, text)
    check_rendered(f"{text}\n- [ ] x <!-- echo-migrate:choice 0123456789abcdef -->", f"{text}-->")


def check_rendered(path: str, reference: str) -> None:
    one = move(path, reference)
    claimed = Proof(path, "broken", reference, date=f"2026-11-27{path}", by=path, cause=path, predicted=reference)
    told = view(one, left_out=(move(path, f"{reference}2"),), choices=frozenset({"0" * 16}))
    text = body(told._replace(proofs=(claimed,), unproven=2))
    page = Rendered(text)
    comments = [entry for entry in page.more if isinstance(entry, str)]
    assert set(page.tags) <= OURS | {"a"} - {"a"}
    assert len([entry for entry in comments if "echo-migrate:choice" in entry]) == 3
    assert not re.search(LINKED, re.sub(r"\0", " ", page.plain))
    assert remembered(text).digest == digest([one])


keys = st.text("0123456789abcdef", min_size=16, max_size=16)


@given(st.sets(keys, max_size=20), st.integers(0, 3))
def test_choices_are_remembered_for_as_long_as_they_are_not_taken_back(choices: set[str], count: int) -> None:
    made = tuple(move(f"{number}/Dockerfile", line=number) for number in range(1, count + 1))
    text = body(view(*made, choices=frozenset(choices)))
    assert remembered(text).left_out == choices
    assert remembered(noted(text, "commits of others")) == remembered(text)
    assert noted(noted(text, "a"), "") == text
    for one in made:
        unticked = "\n".join(
            line.replace("- [x]", "- [ ]") if one.file_key in line else line for line in text.splitlines()
        )
        assert remembered(unticked).left_out == choices | {one.file_key}
    left = move("x/Dockerfile", "node:22")
    kept = frozenset({*choices, left.image_key})
    for again in (body(view(*made, left_out=(left,), choices=kept)), closing(view(left_out=(left,), choices=kept))):
        assert remembered(again).left_out == kept
        ticked = again.replace("- [ ] `node:22`", "- [x] `node:22`")
        assert remembered(ticked).left_out == kept - {left.image_key}


PIECES = (
    *("\n- [ ] a ", "\n- [x] a ", "<!-- echo-migrate:choice ", "<!-- echo-migrate:state none ", " -->"),
    *("0123456789abcdef", "0123456789abcdeg", "0123456789abcde", ",", "\r"),
)
"""What a description is read by, and what resembles it."""


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=15).map("".join))
@example("- [ ] a <!-- echo-migrate:choice 0123456789abcdef -->")
def test_any_text_can_be_a_description(text: str) -> None:
    left = remembered(text).left_out
    assert all(re.fullmatch("[0-9a-f]{16}", key) for key in left)
    assert left or not re.fullmatch(r"- \[ \] a <!-- echo-migrate:choice [0-9a-f]{16} -->", text)


def test_a_description_is_bounded_and_remembers_what_does_not_fit() -> None:
    made = [move(f"{'d' * 150}/{number}/Dockerfile", f"python:3.{number % 300}") for number in range(5000)]
    choices = frozenset(f"{number:016x}" for number in range(900))
    text = body(view(*made, choices=choices))
    assert len(text.encode()) <= LONGEST
    assert "More than fits here" in text
    assert remembered(text) == Memory(choices, digest(made))


def test_proofs_are_told_if_they_were_asked_for_the_worst_first() -> None:
    one = view(move())
    assert "Proofs" not in body(one)
    assert "Proofs" not in body(one._replace(proofs=()))
    assert "1 changed Dockerfile has no proof" in body(one._replace(proofs=(), unproven=1))
    verdicts: tuple[Verdict, ...] = ("same", "differs", "broken", "not-checked")
    proofs = [
        Proof(f"{number:03}/Dockerfile", verdicts[number % 4], "", date=f"2026-11-{10 + number % 4}T", by="ada@ci")
        for number in range(200)
    ]
    text = body(one._replace(proofs=tuple(proofs)))
    assert "on 2026-11-10 to 2026-11-13, with each Dockerfile as it is here" in text
    assert "ada" not in text  # an account of somebody's machine
    assert "not started" not in text
    unstarted = [each._replace(reason="as built: it starts nothing") for each in proofs]
    assert "50 of 200 were built and not started." in body(one._replace(proofs=tuple(unstarted)))
    assert "**50 of 200 broke something: untick what moves there.**" in text
    assert re.findall(r"(?m)^\| `.*\*\*(.*)\*\*", text) == ["broken"] * 50
    assert "broke something" not in body(one._replace(proofs=tuple(proofs[:2])))
    assert "\n\n150 more proofs.\n\n### How to try it" in text
    assert text.index("### Why it is safe") < text.index("### Proofs")
    assert remembered(text) == remembered(body(one))


def test_lines_are_no_difference_and_files_images_and_targets_are() -> None:
    one = move()
    assert digest([one]) == digest([one._replace(line=7)])
    others = [one._replace(path="x"), one._replace(reference="x"), one._replace(target="x")]
    assert len({digest([one]), digest([]), digest([one, *others]), *(digest([other]) for other in others)}) == 6


@given(st.sampled_from(["service", "image", "owner"]), st.text(max_size=80))
def test_a_branch_is_a_branch_whatever_the_group_is_called(kind: str, name: str) -> None:
    branch = Group(kind, name).branch  # type: ignore[arg-type]
    assert re.fullmatch(rf"{BRANCHES}{kind}/[a-z0-9]+(?:-[a-z0-9]+)*", branch)
    assert len(branch) <= 80
    title = propose(view(move())._replace(group=Group(kind, name)), (), str).title  # type: ignore[arg-type]
    assert re.fullmatch(r"Move [A-Za-z0-9 ._/-]+", title)


def test_branches_of_other_groups_are_others() -> None:
    names = ["a/b", "a-b", "a b", "a_b", "A-b", "", "-", "é", "è", "a" * 41, "a" * 42]
    assert len({Group("service", name).branch for name in names}) == len(names)


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("services/api/Dockerfile", "services/api"),
        ("services/api/deploy/k8s.yaml", "services/api"),
        ("services/other/compose.yml", "services"),
        ("compose.yml", ""),
    ],
)
def test_a_service_is_the_nearest_folder_with_a_dockerfile(path: str, service: str) -> None:
    assert service_of(path, frozenset({"services/api"})) == service


CODEOWNERS = """\
# comment
*           @all
*.js        @js-owner # a comment
/build/logs/ @doctocat
docs/*      docs@example.com
apps/       @octocat
/docs/      @acme/docs
/scripts/   @doctocat @octocat
**/logs     @logs
/apps/github
![x] @bad
"""


@pytest.mark.parametrize(
    ("path", "owned"),
    [
        ("x/y/Dockerfile", "@all"),
        ("x/y.js", "@js-owner"),
        ("build/logs/a/b", "@logs"),
        ("x/build/logs/b", "@logs"),
        ("docs/a/Dockerfile", "@acme/docs"),
        ("x/apps/Dockerfile", "@octocat"),
        ("apps", "@all"),
        ("scripts/x/y", "@doctocat @octocat"),
        ("deeply/nested/logs/x", "@logs"),
        ("apps/github/Dockerfile", ""),
        ("apps/githubber", "@octocat"),
    ],
)
def test_whose_a_file_is(path: str, owned: str) -> None:
    assert " ".join(CodeOwners(CODEOWNERS, "github").of(path)) == owned


def test_those_who_own_the_most_are_asked_first() -> None:
    owned = [("@a", "@acme/x"), ("@acme/x",), ("@b",), ("@acme/x", "@b")]
    assert owners.by_share(owned) == ["@acme/x", "@b", "@a"]


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/shop.git",
        "https://github.com/acme/shop/",
        "git@github.com:acme/shop.git",
        "ssh://git@GitHub.com:22/acme/shop",
        "https://user:secret@github.com/acme/shop",
    ],
)
def test_which_repository_a_clone_is_of(url: str) -> None:
    assert repository_of(url) == "acme/shop"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://evil.example/acme/shop",
            "https://github.com.evil.example/a/b",
            "https://github.com@evil.example/a/b",
        ),
        *("ext::sh -c x", "/tmp/github.com/a", "https://github.com/a", "https://github.com/a/b/c", "file:///a/b", ""),
    ],
)
def test_another_server_is_not_sent_the_token(url: str) -> None:
    with pytest.raises(ForgeFailed, match=r"not a repository at github\.com"):
        repository_of(url)


def test_a_seal_holds_for_one_commit() -> None:
    bare = Commit("1" * 40, ("2" * 40,), "a <a@b>", "Move")
    made = bare._replace(message=f"Move\n\nEcho-migrate: {seal(bare)}\n")
    assert is_sealed(made)
    others = [
        made._replace(tree="3" * 40),
        made._replace(parents=("3" * 40,)),
        made._replace(parents=()),
        made._replace(parents=("2" * 40, "3" * 40)),
        made._replace(author="b <a@b>"),
        made._replace(message=made.message + "\nSigned-off-by: b"),
        made._replace(message=made.message.replace("Move", "Move images")),
        bare,
    ]
    assert not any(map(is_sealed, others))


def test_an_author_is_a_name_and_an_address() -> None:
    assert str(Person.of(" Echo Bot <bot@example.com> ")) == "Echo Bot <bot@example.com>"
    for text in ("x", "<a@b>", "a <>", "a <b> c", "a\n<b@c>", "a <b c>"):
        with pytest.raises(ValueError, match="is not NAME <ADDRESS>"):
            Person.of(text)


def test_images_come_in_order() -> None:
    text = body(view(*(move(reference=f"python:3.{number}") for number in (12, 10, 11))))
    places = [text.index(f"`python:3.{number}` →") for number in (10, 11, 12)]
    assert all(one < other for one, other in pairwise(places))
