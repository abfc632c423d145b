"""The number of references in each state."""

from collections import Counter

from echo_migrate import Result


def report(results: list[Result], run: object) -> str:
    counts = Counter(move.state for result in results for move in result.outcomes)
    return "".join(f"{state} {count}\n" for state, count in sorted(counts.items()))
