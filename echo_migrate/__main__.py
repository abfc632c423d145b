"""``python -m echo_migrate``."""

from echo_migrate.cli import main

main()
