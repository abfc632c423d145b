"""``python -m echo_migrate``."""

from echo_migrate.cli import main

if __name__ == "__main__":  # processes that the program starts load this file again, where they are not forked
    main()
