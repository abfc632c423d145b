"""What a shell completes: values of options and arguments that begin with a text."""

import os

import click

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def modules(package: str) -> list[str]:
    """Return the names of the public modules of a package, without importing them."""
    names = os.listdir(os.path.join(_PACKAGE, package))
    return sorted(name[:-3].replace("_", "-") for name in names if name.endswith(".py") and not name.startswith("_"))


def complete_rules(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the rules whose ids begin with a text."""
    return [name for name in modules("rules") if name.startswith(incomplete)]


def complete_providers(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the providers whose names begin with a text."""
    from echo_migrate.images.providers import UPSTREAM, providers

    return [name for name in (*providers(), UPSTREAM) if name.startswith(incomplete)]


def complete_presets(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the presets whose names begin with a text."""
    from echo_migrate.files.data import read_data

    return [name for name in ("default", *read_data("presets.yaml")) if name.startswith(incomplete)]


def complete_images(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the upstream images of the chosen provider whose names begin with a text."""
    from echo_migrate.images.catalog import load
    from echo_migrate.images.providers import providers

    provider = context.params.get("provider")
    rows = load(provider).rows if provider in providers() else {}
    return sorted(name for name in rows if name.startswith(incomplete) and name != "*")
