"""Whose a build argument is: the Dockerfile that the command of the build says, or any near it."""

import os
from pathlib import Path

import pytest

from echo_migrate.files.workspace import begin
from echo_migrate.formats._builds_nearby import builds_near

DOCKERFILES = ("Dockerfile", "Dockerfile.dev", "b/Dockerfile")
EVERY = set(DOCKERFILES)
WORKFLOW = """\
on: push
jobs:
  a:
    steps:
      - uses: actions/checkout@v6
        with: {CHECKOUT}
      - uses: docker/build-push-action@v6
        with:
          WITH
          build-args: |
            V=20
"""


def _step(inputs: str, checkout: str = "") -> str:
    return WORKFLOW.replace("WITH", inputs.replace("\n", "\n          ")).replace("CHECKOUT", checkout)


BUILD = "docker build --build-arg V=20"
YML = ".github/workflows/x.yml"
OF_ONE = {
    "a file": ("b.sh", f"{BUILD} -f b/Dockerfile ."),
    "a file before the arguments": ("b.sh", "docker buildx build --file=./b/Dockerfile --build-arg V --push b"),
    "a file above": ("scripts/b.sh", f"{BUILD} --file ../b/Dockerfile .."),
    "values in variables": ("b.sh", 'docker build -t "${T}" --build-arg V=$V --build-arg "W=$W" -f b/Dockerfile .'),
    "on several lines": ("b.sh", f"set -e\nif x; then\n  {BUILD} \\\n    -f b/Dockerfile \\\n    . && x\nfi"),
    "with line ends of Windows": ("b.sh", f"{BUILD} \\\r\n  -f b/Dockerfile .\r\nx"),
    "beside one that is not plain": ("b.sh", f"docker build -f Dockerfile $X .\n{BUILD} -f b/Dockerfile ."),
    "a recipe": ("Makefile", f"x:\n\t@{BUILD} --build-arg W=$(W) \\\n\t  -f b/Dockerfile ."),
    "a step": (YML, _step("context: .\nfile: b/Dockerfile")),
    "a step with a folder as its context": (YML, _step("context: ./b\nfile: ./b/Dockerfile", "fetch-depth: 0")),
}
"""Plain builds of b/Dockerfile."""

OF_ANY = {
    "without a file": ("b.sh", f"{BUILD} b"),
    "without a folder": ("b.sh", f"{BUILD} -f Dockerfile ."),
    "a file above, without a folder": ("scripts/b.sh", f"{BUILD} -f ../Dockerfile.dev .."),
    "a file that is not there": ("b.sh", f"{BUILD} -f c/Dockerfile ."),
    "a folder": ("b.sh", f"{BUILD} -f x/b ."),
    "two files": ("b.sh", f"{BUILD} -f b/Dockerfile -f Dockerfile ."),
    "two files in two spellings": ("b.sh", f"{BUILD} -f b/Dockerfile --file=Dockerfile ."),
    "a file behind its option": ("b.sh", f"{BUILD} -fDockerfile.dev -f b/Dockerfile ."),
    "podman, which looks in the context too": ("b.sh", "podman build --build-arg V=20 -f b/Dockerfile ."),
    "a variable in the file": ("b.sh", f'{BUILD} -f "$D/b/Dockerfile" .'),
    "a function of make": ("Makefile", f"x:\n\t{BUILD} -f b/Dockerfile $(FLAGS) ."),
    "a function of make as the context": ("Makefile", f"x:\n\t{BUILD} -f b/Dockerfile $(FLAGS)"),
    "all words": ("b.sh", f"{BUILD} -f b/Dockerfile $* ."),
    "all words behind the file": ("b.sh", f'{BUILD} . -f b/Dockerfile "$@"'),
    "options in a variable": ("b.sh", f"{BUILD} $OPTIONS -f b/Dockerfile ."),
    "what a command prints": ("b.sh", f"{BUILD} -f b/Dockerfile `x` ."),
    "all words of cmd.exe": ("b.cmd", f"{BUILD} -f b/Dockerfile %* ."),
    "a variable of cmd.exe": ("b.bat", f"{BUILD} -f b/Dockerfile %OPTS% ."),
    "a command of cmd.exe that goes on": ("b.cmd", f"{BUILD} -f b/Dockerfile ^\r\n  -f Dockerfile ."),
    "a command of PowerShell that goes on": ("b.ps1", f"{BUILD} . -f b/Dockerfile `\n  -f Dockerfile"),
    "inputs of a workflow": (YML, f"on: push\njobs: {{a: {{steps: [{{run: '{BUILD} ${{{{ inputs.args }}}} b'}}]}}}}"),
    "words of Task": ("Taskfile.yml", f"tasks: {{a: {{cmds: ['{BUILD} {{{{.CLI_ARGS}}}} b']}}}}"),
    "words of just": ("justfile", f"b *args:\n    {BUILD} -f b/Dockerfile {{{{args}}}} ."),
    "words of Ansible": ("b.yml", f"- hosts: x\n  tasks:\n    - command: {BUILD} -f b/Dockerfile {{{{ opts }}}} ."),
    "a text with fields": ("b.py", f'run(f"{BUILD} -f b/Dockerfile {{extra}} .")'),
    "a text with places": ("b.py", f'run("{BUILD} -f b/Dockerfile %s ." % x)'),
    "texts side by side": ("b.py", f'run("{BUILD} ."\n    " -f Dockerfile.dev")'),
    "a text with more behind it": ("b.py", f"run('{BUILD} . -f b/Dockerfile' + suffix)"),
    "a text that grows": ("b.py", f"cmd = '{BUILD} -f b/Dockerfile .'\ncmd += ' -f Dockerfile.dev'"),
    "a list": ("b.py", f"run(['{BUILD} -f b/Dockerfile .', '-f', 'Dockerfile.dev'])"),
    "a text of a pipeline": ("Jenkinsfile", f'sh "{BUILD} -f b/Dockerfile ."'),
    "a command in a variable": ("b.sh", f'CMD="{BUILD} -f b/Dockerfile ."\n$CMD -f Dockerfile.dev'),
    "a command in a variable over lines": ("b.sh", f'CMD="\n{BUILD} -f b/Dockerfile .\n"\n$CMD -f Dockerfile.dev'),
    "a command in a variable of make": ("Makefile", f"C = \\\n\t{BUILD} -f b/Dockerfile .\nx:\n\t$(C) -f Dockerfile"),
    "a command that make defines": (
        "Makefile",
        f"define C\n\t{BUILD} -f b/Dockerfile .\nendef\nx:\n\t$(C) -f Dockerfile",
    ),
    "a heredoc": ("b.sh", f"x <<E\n{BUILD} -f b/Dockerfile .\nE"),
    "an alias": ("b.sh", f"alias b='{BUILD} -f b/Dockerfile .'\nb -f Dockerfile.dev"),
    "docker as an alias": ("b.sh", f"alias docker='x'\n{BUILD} -f b/Dockerfile ."),
    "docker as a function": ("b.sh", f'docker() {{ command docker "$@" -f Dockerfile; }}\n{BUILD} -f b/Dockerfile .'),
    "xargs": ("b.sh", f"x | xargs {BUILD} -f b/Dockerfile ."),
    "a text that a shell runs": ("b.sh", f"sh -c '{BUILD} -f b/Dockerfile .'"),
    "an argument before the command": ("b.sh", "A='--build-arg V=20'\ndocker build $A -f b/Dockerfile ."),
    "a folded scalar": ("b.yml", f"run: >\n  {BUILD} -f b/Dockerfile .\n  $EXTRA"),
    "a folded scalar with a template": ("b.yml", f"run: >-\n  {BUILD} -f b/Dockerfile .\n  {{{{ X }}}}"),
    "a folded scalar with texts": ("b.yml", f'run: >\n  {BUILD} -f b/Dockerfile .\n  "-f" "Dockerfile.dev"'),
    "standard input": ("b.sh", f"{BUILD} - < b/Dockerfile"),
    "a Dockerfile that is standard input": ("b.sh", f"{BUILD} -f - b"),
    "an address": ("b.sh", f"{BUILD} -f b/Dockerfile https://github.com/a/b"),
    "an address before": ("b.sh", f"{BUILD} https://github.com/a/b -f b/Dockerfile --target x"),
    "an address without a scheme": ("b.sh", f"{BUILD} -f b/Dockerfile github.com/a/b"),
    "another folder": ("b.sh", f"cd web && {BUILD} -f b/Dockerfile ."),
    "a link to a Dockerfile": ("b.sh", f"cd web && {BUILD} ."),
    "a link to a Dockerfile in a folder": ("b.sh", f"{BUILD} -f web/Dockerfile web"),
    "a link to a folder": ("b.sh", f"{BUILD} -f link/Dockerfile ."),
    "a file that was copied before": ("b.sh", f"cp Dockerfile b/Dockerfile\n{BUILD} -f b/Dockerfile ."),
    "a file that was written before": ("b.sh", f"x > b/Dockerfile\n{BUILD} -f b/Dockerfile ."),
    "a file that a template makes": ("b.sh", f"gomplate -f web.Dockerfile -o b/Dockerfile\n{BUILD} -f b/Dockerfile ."),
    "a file that make makes": (
        "Makefile",
        f"b/Dockerfile: b/Dockerfile.in\n\tm4 $< -o $@\nx:\n\t{BUILD} -f b/Dockerfile .",
    ),
    "a file that code writes": ("b.py", f"open('b/Dockerfile', 'w')\nrun('{BUILD} -f b/Dockerfile .')"),
    "a step with a file alone": (YML, _step("file: b/Dockerfile")),
    "a step with a context alone": (YML, _step("context: b")),
    "a step with neither": (YML, _step("push: true")),
    "a step with the default context": (YML, _step('context: "{{defaultContext}}:b"\nfile: b/Dockerfile')),
    "a step in another repository": (YML, _step("context: https://a.io/b.git\nfile: b/Dockerfile")),
    "a step with a file of a matrix": (YML, _step("context: .\nfile: ${{ matrix.f }}")),
    "a checkout in a folder": (YML, _step("context: .\nfile: b/Dockerfile", "path: src")),
    "a checkout of another repository": (YML, _step("context: .\nfile: b/Dockerfile", "repository: a/b")),
    "a step whose file a script makes": (
        YML,
        _step("context: .\nfile: b/Dockerfile") + "      - run: cp Dockerfile b/Dockerfile\n",
    ),
    "a private method": ("b.js", "#build(d) { return d.docker({ buildargs: { V: '20' } }) }"),
    "a value that prints": ("b.yml", "build_args: {A: echo x, V: 20}"),
    "a comment before a call": ("b.py", "# docker build(build_args={'V': '1'})"),
    "a comment over lines": ("b.ts", f"/*\n {BUILD} .\n*/"),
    "what seems to begin a comment": ("b.js", f"const x = `\n/* x`\nrun('{BUILD} .')"),
    "what follows a comment": ("b.ts", f"/** x */\nsh('{BUILD} -f b/Dockerfile .')"),
    "what is no comment in JavaScript": ("b.js", f"#run() {{ x(`{BUILD} .`) }}"),
    "a text on a line of its own": ("b.py", f'run(\n    """{BUILD} -f b/Dockerfile ."""\n)\n'),
    "a text that is a value": ("b.py", f'x = {{\n    "a":\n    """{BUILD} -f b/Dockerfile ."""\n}}\n'),
}
"""Builds that may be of any Dockerfile."""

OF_NONE = {
    "a comment of a script": ("b.sh", f"# {BUILD} ."),
    "what a script prints": ("b.sh", f"echo {BUILD} ."),
    "a comment of JavaScript": ("b.js", "  // client.buildImage({ buildargs: { V: 1 } }) // docker"),
    "a comment of PHP": ("b.php", f"# {BUILD} ."),
    "the docstring of a file": ("b.py", f'# x\n\n"""{BUILD} ."""\n'),
    "the docstring of a function": ("b.py", f'def f() -> None:\n    """\n    {BUILD} .\n    """\n'),
}
KINDS = [
    pytest.param(path, text, built, id=kind)
    for cases, built in ((OF_ONE, {"b/Dockerfile"}), (OF_ANY, EVERY), (OF_NONE, set[str]()))
    for kind, (path, text) in cases.items()
]


@pytest.mark.parametrize(("path", "text", "built"), KINDS)
def test_an_argument_is_of_the_dockerfile_that_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, text: str, built: set[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    begin()
    for name in (*DOCKERFILES, path):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n" if name == path else "ARG V=22\nFROM node:$V\n", newline="")
    for folder in (".git", "web", "x/b"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    os.symlink("b", tmp_path / "link")
    os.symlink("../Dockerfile.dev", tmp_path / "web/Dockerfile")
    assert {name for name in DOCKERFILES if "V" in builds_near(name).arguments} == built
