"""The commands that only print information: about references, providers and rules."""

import sys
from typing import TYPE_CHECKING, Any, Unpack

import click

from echo_migrate import reports
from echo_migrate.cli.online import with_answers
from echo_migrate.cli.options import Options, asks_registries
from echo_migrate.cli.output import tell_configuration
from echo_migrate.cli.settings import catalog_of, rule_of, today
from echo_migrate.images import catalog
from echo_migrate.images import providers as vendors
from echo_migrate.rules import RULES, page

if TYPE_CHECKING:
    from echo_migrate.cli.match import Match


def match(**options: Unpack[Options]) -> int:
    """Print how each reference maps. Returns the exit code: 1 if a reference has no known upstream image."""
    from echo_migrate.cli.match import match as matched

    every = options["provider"] == "all"
    names = vendors.providers() if every else [options["provider"]]
    all_known = [catalog_of({**options, "provider": name}) for name in names]
    if asks_registries(options):
        from echo_migrate.cli.match import image_of

        images = [image_of(text) for text in options["images"]]
        all_known = [with_answers(options, known, images, today()) for known in all_known]
    unknown = False
    tell_configuration(options)
    for image in options["images"]:
        answers = [(known, matched(image, known, options["seen_only"], today())) for known in all_known]
        unknown = unknown or all(answer.upstream is None for _, answer in answers)
        if options["output_format"] == "json":
            for known, answer in answers:
                click.echo(reports.as_json(({"provider": known.provider} if every else {}) | answer.as_json(), None))
        elif every:
            _side_by_side(image, answers)
        else:
            _show(answers[0][1], all_known[0].title)
            _compare(answers[0][1])
    return int(unknown)


def _side_by_side(image: str, answers: "list[tuple[catalog.Catalog, Match]]") -> None:
    click.echo(reports.printable(image))
    width = max(len(known.provider) for known, _ in answers)
    for known, answer in answers:
        kind = f" ({'safe' if answer.safe else 'not safe: ' + answer.reason})" if answer.target else ""
        click.echo(f"  {known.provider:<{width}}  {reports.printable((answer.target or 'nothing') + kind)}")


def _show(answer: "Match", title: str) -> None:
    target = answer.target or (
        f"nothing at {title}" if answer.upstream and answer.candidates else "".join(answer.reasons[:1])
    )
    kind = "safe" if answer.safe else "not safe" if answer.target else ""
    click.echo(f"{reports.printable(answer.reference)} -> {target}" + f" ({kind})" * bool(kind))
    for candidate in answer.candidates:
        click.echo(
            f"  {candidate.score:>3}  {candidate.upstream:<24} {reports.printable('; '.join(candidate.reasons))}"
        )
    for reason in answer.reasons:
        if reason != target and not any(reason in candidate.reasons for candidate in answer.candidates):
            click.echo(f"       {reports.printable(reason)}")


def _compare(answer: "Match") -> None:
    """Print what registries answered about an image and its target, side by side."""
    if not answer.before and not answer.after:
        return
    heads = ("", "now", "target")
    empty = dict.fromkeys(answer.before or answer.after or {}, "")
    before, after = answer.before or empty, answer.after or empty
    rows = [(key, str(before[key]), str(after[key])) for key in after if before[key] or after[key]]
    click.echo("")
    for line in reports.columns(heads, [tuple(map(reports.printable, row)) for row in rows]):
        click.echo(f"  {line}")


def providers(output_format: str) -> None:
    """Print the available providers, with the amount, source and date of their data."""
    listed = [_provider(name) for name in vendors.providers()]
    if output_format == "json":
        click.echo(reports.as_json(listed))
        return
    heads = ("provider", "registry", "rows", "images known", "tags", "login", "date")
    rows = [tuple(str(row[head.replace(" ", "_")]) for head in heads) for row in listed]
    click.echo("\n".join(reports.columns(heads, rows)))
    for row in listed:
        click.echo(f"\n{row['title']}, from:" + "".join(f"\n  {source}" for source in row["source"]))


def _provider(name: str) -> dict[str, Any]:
    """Return the data of a provider for output; ``rows`` counts the mapped names, ``images_known`` those with facts."""
    from echo_migrate.files.data import blocks, read_block

    row = vendors.provider_data(name)
    about = read_block(f"images/{name}.yaml", "_about") or {"date": "", "source": row["source"][0]}
    return {
        "provider": name,
        "title": row["title"],
        "registry": row["registry"],
        "rows": sum(image is not None for image in row["images"].values()),
        "images_known": len(blocks(f"images/{name}.yaml")),
        "tags": row["tags"],
        "login": row["login"],
        "date": max(row["date"], about["date"]),
        "source": list(dict.fromkeys((*row["source"], about["source"]))),
    }


def explain(name: str, cases: bool) -> None:
    """Print the page of a rule, rendered on a terminal, without its cases unless ``cases`` is set."""
    rule = rule_of(name)
    text, _, _ = page(rule.id).partition("\n## Cases\n")
    text = page(rule.id) if cases else f"{text}\nWith its cases: `echo-migrate explain {rule.id} --cases`\n"
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text, hyperlinks=False))


def rules(output_format: str) -> None:
    """Print the list of rules."""
    listed = [
        {
            "rule": rule.id,
            "level": rule.level,
            "fixable": rule.fixable,
            "default": rule.default,
            "also": rule.also,
            "summary": rule.summary,
        }
        for rule in RULES.values()
    ]
    if output_format == "json":
        click.echo(reports.as_json(listed))
        return
    heads = ("rule", "level", "fixes", "default", "also", "summary")
    rows = [
        (r.id, r.level, "yes" if r.fixable else "", "on" if r.default else "off", " ".join(r.also), r.summary)
        for r in RULES.values()
    ]
    click.echo("\n".join(reports.columns(heads, rows)))
