"""The shell in RUN: words as bash itself splits them, what stands around a command, where its words were written."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.dockerfile.parser import read as read_dockerfile
from echo_migrate.dockerfile.run import script_of
from echo_migrate.files.source import Traced
from echo_migrate.shell import grammar
from echo_migrate.shell.commands import Command, Script, handed, reads_input
from echo_migrate.shell.parser import read

PIECES = [
    "a",
    "-y",
    "'b c'",
    '"d e"',
    '"f\\"g"',
    "h\\ i",
    "''",
    '"j\'k"',
    "'l\"m'",
    "é",
    "--x=1",
    "n'o'\"p\"q",
    "/var/*",
]


def script(text: str) -> Script:
    return read(Traced.of(text, 0, len(text)))


CHAINED = st.sampled_from(
    [
        *("a", "-y", "x=1", "--x=1", "p==2", "/a/b.sh", "a:b@c", "*", "~", "^a", "1", "é", "a%b,c", "+x", "@a", "-"),
        *("set", "-e", "+e", "sh", "-c", "eval", "exec", "cd", "sudo", "env", "export", "if", "fi", "time", "in", "["),
        *("&&", ";", "&& ", " ;", "\t", "&", "|", "||", "#a", "!", "{", "}", "$a", "'b c'", "a.b=c"),
    ]
)


@settings(max_examples=600)
@given(st.lists(CHAINED, max_size=9), st.sampled_from([" ", "  ", "\t", ""]))
def test_words_alone_are_read_as_the_grammar_reads_them(pieces: list[str], space: str) -> None:
    text = space.join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grammar, "chain", lambda _: [])
        by_grammar = script(text)
    assert script(text) == by_grammar or not by_grammar.certain  # of `a%b` it makes an error and a command `%b`


@pytest.mark.parametrize("text", ["pip install a==1", " npm ci --omit=dev&&npm prune ;rm -rf /tmp/*", "exec ./a *.b ~"])
def test_words_alone_need_no_grammar(text: str) -> None:
    assert grammar.chain(text)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.sampled_from([" ", "  ", " \t"]))
def test_words_are_what_bash_makes_of_them(pieces: list[str], space: str) -> None:
    text = space.join(["x", *pieces])
    program = f"set -f; x() {{ printf '%s\\0' \"$@\"; }}; {text}"
    said = subprocess.run(["bash", "-c", program], capture_output=True, check=True).stdout.decode()
    (command,) = script(text).commands
    assert command.arguments == said.split("\0")[:-1]
    assert all(word.known for word in command.words)


TOKENS = st.sampled_from(
    [
        *PIECES,
        "$X",
        "${X:-y z}",
        "$(w)",
        "`w`",
        "<(w)",
        "&&",
        "||",
        ";",
        "|",
        "&",
        "(",
        ")",
        "{ ",
        "}",
        "if",
        "then",
        "fi",
    ]
    + [
        "for i in",
        "do",
        "done",
        ">f",
        "<<E\nt\nE\n",
        "sudo",
        "sh -c",
        "env A=1",
        "xargs",
        "eval",
        "!",
        "\n",
        "[[",
        "]]",
    ]
)


@settings(max_examples=300)
@given(st.lists(TOKENS, max_size=12))
def test_every_word_knows_where_it_was_written(tokens: list[str]) -> None:
    text = " ".join(tokens)
    for command in script(text).commands:
        for word in command.words:
            assert "".join(text[start:end] for start, end in word.text.spans) == word.value
            assert word.start <= word.text.start <= word.text.end <= word.end
        assert command.host is None or 0 <= command.host < len(script(text).commands)


@settings(max_examples=150)
@given(st.lists(TOKENS, max_size=10))
def test_what_is_certain_is_what_bash_accepts_and_its_tail_takes_a_command(tokens: list[str]) -> None:
    text = " ".join(tokens)
    found = script(text)
    if found.tail is None or not accepts(text):
        return
    longer = f"{text[: found.tail]} && rm -rf x{text[found.tail :]}"
    assert accepts(longer)
    again = script(longer)
    assert [one.arguments for one in again.commands if one.name == "rm" and not one.inside][-1:] == [["-rf", "x"]]


@settings(max_examples=150)
@given(
    st.lists(TOKENS, max_size=8),
    st.sampled_from([" ", " \\\n ", " \\\n# note\n  "]),
    st.sampled_from(["", "A=1 ", "export A=1 && ", "set -a; B='x y' && ", "2>/dev/null "]),
    st.integers(0, 9),
)
def test_a_script_that_was_read_elsewhere_has_its_own_places(
    tokens: list[str], space: str, before: str, apart: int
) -> None:
    run = f"RUN {before}{space.join(one for one in tokens if chr(10) not in one)}\n"
    text = f"FROM a\n{run}{'#' * apart}\nUSER 1\n{run}FROM b\n{run}{run}"
    for instruction in read_dockerfile(text).instructions:
        if instruction.verb == "run" and not instruction.heredocs and instruction.args.value[:1] != "[":
            assert script_of(instruction, None, text) == read(instruction.args)
            assert script_of(instruction, ("bash", "-ec"), text) == read(instruction.args, True, shell="bash")


def simple_command(text: str) -> Command:
    return script(text).commands[0]


def accepts(text: str) -> bool:
    return subprocess.run(["bash", "-n"], input=text.encode(), capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a && b || c; d | e & f", "a &&b ||c ;d |e &f"),
        ("! a; { b; }; (c; d)", "a[not] ;b[group] ;c[subshell] ;d[subshell]"),
        ("if a; then b; else c; fi && d", "a[if] ;b[if] ;c[if] &&d"),
        ("a && { { b ; } || { c ; } } && d", "a &&b[group,group] ||c[group,group] &&d"),
        ("{ { { a; } } } && { ( b ) } && c", "a[group,group,group] &&b[group,subshell] &&c"),
        ("{ echo } } && a; }", "echo[group] &&a[group]"),
        ("for i in 1; do a; done; while b; do c; done", ";a[for] ;b[while] ;c[while]"),
        ("case $x in y) a;; esac", "a[case]"),
        ("f() { a; }; f", "a[function,group] ;f"),
        ("a $(b | c) `d`", "a b[substitution] |c[substitution] d[substitution]"),
        ("sh -c 'a && b'; bash -lc \"c\"; su - u -c 'd'", "sh a[script] &&b[script] ;bash c[script] ;su d[script]"),
        ("sudo -E -u root env A=1 timeout -k 5 9 a -b", "a<sudo -u,env,timeout>"),
        ("x | xargs -r -n 1 a; exec b; nice -n 5 c", "x |a<xargs> ;b<exec> ;c<nice>"),
        ("cat <<E > f && a\nb\nE\nc", "cat &&a ;c"),
        ("A=1 B=$(a) b; export C=2", "b a[substitution] ;"),
        ("[ -f $(a) ] && b", "a[substitution] &&b"),
        ("a <<'E' >x 2>\"$y\" &\nb (\nE\nc", "a ;c"),
        ("a <<-E ;\n(\nE\nc", "a ;c"),
        ("if ! a && ! { b || c; }; then d; fi", "a[if,not] &&b[if,group] ||c[if,group] ;d[if]"),
    ],
)
def test_commands(text: str, says: str) -> None:
    found = script(text)
    assert found.certain
    assert " ".join(
        one.operator.strip() + one.name + (f"[{','.join(one.inside)}]" if one.inside else "")
        + (f"<{','.join(one.via)}>" if one.via else "")
        for one in found.commands
    ) == says  # fmt: skip


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize(
    "options",
    ["-c", "-ec", "-o errexit -c", "-euo noglob -c", "-ceu", "-c -e", "-c --", "-c -", "+x -c", "-e", "--", "-x"]
    + ["-o noglob", "-c x", "-ec x", "-e x -c", "-s"],
)
def test_a_shell_runs_the_word_that_it_is_given_and_no_other(options: str, shell: str) -> None:
    """The shell itself tells: its input prints one word, its last argument another."""
    command = simple_command(f"{shell} {options} 'echo given'")
    run = subprocess.run(
        [shell, *options.split(), "echo given"], input=b"echo read", capture_output=True, check=False, cwd="/"
    )
    word = handed(command)
    assert (word is not None and word.value == "echo given") is (run.stdout == b"given\n")
    assert reads_input(command) is (run.stdout == b"read\n")


@pytest.mark.parametrize(
    "options",
    ["-login -c", "-norc", "-rcfile /x -c", "--rcfile /x -c", "-noprofile -posix -c", "-oo errexit nounset -c"],
)
def test_bash_takes_long_options_with_one_dash(options: str) -> None:
    test_a_shell_runs_the_word_that_it_is_given_and_no_other(options, "bash")


def test_what_bash_alone_takes_as_options() -> None:
    for text in ("bash --rcfile /etc/x -c a", "bash --noprofile --norc -c a", "bash -O extglob -c a", "bash +O x -c a"):
        word = handed(simple_command(text))
        assert word is not None, text
        assert word.value == "a", text
    assert reads_input(simple_command("bash -eu /dev/stdin x"))
    assert not reads_input(simple_command("bash -eu x.sh"))


@pytest.mark.parametrize(
    ("text", "errexit"),
    [("set -e; a", True), ("set -eux && a", True), ("set -o errexit; a", True), ("set -x; a", False)]
    + [("a; set -e", False), ("set -x; set -e; a", True), ("(set -e; a); b", False)],
)
def test_errexit(text: str, errexit: bool) -> None:
    assert script(text).errexit is errexit


def test_what_the_grammar_hides_is_taken_for_a_script_that_may_go_on_behind_a_failure() -> None:
    assert script("a <<E &\nb\nE\nc").background
    assert script("! { a; }").background
    assert not script("a <<E\nb\nE\n[ ! -d {} ]").background


@pytest.mark.parametrize("text", ["a && (", "if a; then", "a <<", 'a "', "a | | b", "}", "! !", "a; fi", "{ a } }"])
def test_what_the_grammar_does_not_understand_is_not_certain(text: str) -> None:
    found = script(text)
    assert not found.certain
    assert found.tail is None
    assert not any(command.editable for command in found.commands)


def test_a_redirection_is_its_commands() -> None:
    found = script("a > x && b | c >> y; { d; } > z")
    assert [[one.target.value for one in command.redirects] for command in found.commands] == [["x"], [], ["y"], []]


def test_an_unquoted_word_with_two_variables_is_one() -> None:
    (command,) = script("wget https://x/$A/c-$B.deb").commands
    assert command.arguments == ["https://x/$A/c-$B.deb"]
    assert not command.words[1].known


@pytest.mark.parametrize(
    ("text", "shell", "says"),
    [
        ("RUN a \\\n  # note\n\n  && b", None, "a b"),
        ('RUN ["a", "b"]', None, "a"),
        ('RUN ["sh", "-c", "a && b"]', None, "sh a b"),
        ('RUN ["a", 1]', None, ""),
        ("RUN <<E\na\nb\nE", None, "a b"),
        ("RUN <<E\n#!/usr/bin/env bash\na\nE", None, "a"),
        ("RUN <<E\n#!/usr/bin/env python3\nimport a\nE", None, None),
        ("RUN cat <<E | sh\na\nE", None, "cat sh a"),
        ("RUN cd /x && cat <<E | sudo bash && b\na\nE", None, "cd cat bash b a"),
        ("RUN cd /x && bash -s -- v <<E\na\nE", None, "cd bash a"),
        ("RUN su - <<E\na\nE", None, "su a"),
        ("RUN su - -c b <<E\na\nE", None, "su b"),
        ("RUN su x --command='b c'", None, "su b"),
        ("RUN cat <<E | tee x | bash\na\nE", None, "cat tee bash a"),
        ("RUN cat <<E | tee x | sort | bash\na\nE", None, "cat tee sort bash"),
        ("RUN cat - f <<E | sh\na\nE", None, "cat sh"),
        ("RUN cat <<E > f\na\nE", None, "cat"),
        ("RUN bash f <<E\na\nE", None, "bash"),
        ("RUN echo 'a; b' | sh -e", None, "echo sh a b"),
        ("RUN echo y | sh f", None, "echo sh"),
        ("RUN echo $a | sh", None, "echo sh"),
        ('RUN bash <<< "a && b"', None, "bash a b"),
        ("RUN a; b", ("powershell", "-Command"), None),
        ("RUN a; b", ("/bin/bash", "-euo", "pipefail", "-c"), "a b"),
        ("RUN a; b", ("/bin/bash", "+o", "errexit", "-c"), "a b"),
        ("RUN a; b", ("/bin/bash", "-o", "errexit", "+e", "-c"), "a b"),
        ("RUN a; b", (), None),
        ("RUN --mount=type=cache,target=/x a", None, "a"),
    ],
)
def test_the_script_of_a_run(text: str, shell: tuple[str, ...] | None, says: str | None) -> None:
    (instruction,) = read_dockerfile(text).instructions
    found = script_of(instruction, shell, text)
    assert (found and " ".join(one.name for one in found.commands)) == says
    assert not found or found.errexit is bool(shell and "-euo" in shell)


@pytest.mark.parametrize("end", ["EOF", "'EOF'", '"EOF"'])
def test_a_heredoc_that_nothing_reads_hides_no_command(end: str) -> None:
    text = f'<<{end}\nit\'s "for" people (who read).\nEOF\nx a\ncat <<EOF\nb\nEOF\n'
    assert [(one.name, one.start) for one in script(text).commands] == [
        ("x", text.index("x a")),
        ("cat", text.index("cat")),
    ]
