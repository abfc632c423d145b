"""How the program ends: the signals that stop a run, exit codes of these and of failed output, and messages about wrong
options."""

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, NoReturn

import click

from echo_migrate.cli.options import Decorator

STOPPING = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGTERM") if hasattr(signal, name))
"""A closed terminal (which Windows does not signal), an interrupt, a cancelled job."""

_INSTEAD = {
    ("check", "--fix"): "check writes nothing: use echo-migrate fix",
    ("check", "--diff"): "check writes nothing: use echo-migrate fix --diff",
    ("fix", "--dry-run"): "use --diff, which prints a patch and writes nothing",
    ("check", "--format"): "use --output-format",
    ("fix", "--format"): "use --output-format",
}
"""What to use instead of options that other programs have, by command and option."""


def options_of(*groups: tuple[Decorator, ...]) -> Decorator:
    """Return a decorator that adds groups of options to a function that becomes a ``Command``."""

    def decorate(function: Any) -> Any:
        below = len(getattr(function, "__click_params__", ()))
        function.__dict__.setdefault("groups", []).append((below, [option for group in groups for option in group]))
        return function

    return decorate


class Command(click.Command):
    """A command that makes the options of ``options_of`` when they are first asked for: a start needs those of one
    command, and making those of all would be a tenth of its time."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._made = False
        super().__init__(*arguments, **settings)

    @property
    def params(self) -> list[click.Parameter]:
        """The parameters, in the order of the decorators."""
        if not self._made:
            self._made = True
            written = len(self._own)
            for below, options in getattr(self.callback, "groups", ()):  # from the last decorator on
                holder = _Holder()
                for option in reversed(options):
                    option(holder)
                place = written - below
                self._own[place:place] = reversed(holder.__click_params__)
        return self._own

    @params.setter
    def params(self, own: list[click.Parameter]) -> None:
        self._own = own


class _Holder:
    """What decorators of click add options to."""

    def __init__(self) -> None:
        self.__click_params__: list[click.Parameter] = []


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


class Program(Group):
    """A group whose commands exit with 128 plus the signal number if a signal stops them, as shells do, and with 2 if
    output fails, because 1 means findings.

    ``others`` returns further commands: it is called once one is asked for that the group does not have, or all are."""

    others: Callable[[], Iterable[click.Command]] | None = None

    @property
    def commands(self) -> MutableMapping[str, click.Command]:
        """All commands, by name."""
        if self.others:
            others, self.others = self.others, None
            for command in others():
                self.add_command(command)
        return self._own

    @commands.setter
    def commands(self, own: MutableMapping[str, click.Command]) -> None:
        self._own = own

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._own.get(cmd_name) or super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            with contextlib.suppress(OSError):
                click.echo(": ".join(["echo-migrate: interrupted", *getattr(stop, "__notes__", ())]), err=True)
            sys.exit(128 + (stop.args[0] if stop.args else signal.SIGINT))
        except click.UsageError as error:
            from echo_migrate.reports import printable

            message = printable(error.format_message())
            by_parser = isinstance(error, (click.MissingParameter, click.NoSuchOption))
            if isinstance(error, click.NoSuchOption) and (ctx.invoked_subcommand, error.option_name) in _INSTEAD:
                by_parser, message = False, _INSTEAD[ctx.invoked_subcommand or "", error.option_name]
            raise click.UsageError(message, error.ctx if by_parser else None) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            give_up(error)


def give_up(error: OSError) -> NoReturn:
    """Exit with 2 as output cannot be written, and print why if standard error can be."""
    with contextlib.suppress(OSError):
        click.echo(f"echo-migrate: {error.strerror or error}".lower(), err=True)
    os._exit(2)  # buffered output cannot be written either


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Delay signals that stop the run until the body is done, such as a file that is written and counted."""
    waiting: list[int] = []
    wishes = [one for one in STOPPING if callable(signal.getsignal(one))]
    before = [(one, signal.signal(one, lambda number, _: waiting.append(number))) for one in wishes]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)
    if waiting:
        raise KeyboardInterrupt(waiting[0])
