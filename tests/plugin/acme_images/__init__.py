"""What Acme adds to echo-migrate."""

from pathlib import Path

MAPPING = Path(__file__).parent / "acme.yaml"
