"""The program: ``echo-migrate``, and ``python -m echo_migrate``."""

import gc


def main() -> None:
    """Run the command line, and exit."""
    gc.disable()  # what is imported stays: the command line enables it when it starts
    from echo_migrate.cli import main as run

    run()


if __name__ == "__main__":  # processes that the program starts load this file again, where they are not forked
    main()
