"""Precision and recall of naming upstream images, by threshold of the score.

usage: matching.py LABELS.tsv     columns: reference, canonical_upstream ("none"), confidence (certain, likely, none), …

A name is right if its last part is that of the label's, as spellings of one project's name differ in their folders.
"""

import csv
import sys

from echo_migrate.cli.match import match
from echo_migrate.images import catalog


def main(path: str) -> None:
    known = catalog.load()
    with open(path, encoding="utf-8") as file:
        labels = list(csv.DictReader(file, delimiter="\t"))
    answers = []
    for label in labels:
        best = next(iter(match(label["reference"], known).candidates), None)
        right = best is not None and best.upstream.split("/")[-1] == label["canonical_upstream"].split("/")[-1]
        answers.append((label["confidence"], best.score if best else 0, right))
    counts = {kind: sum(label["confidence"] == kind for label in labels) for kind in ("certain", "likely", "none")}
    print(f"{len(labels)} references: {counts}\n")
    print("| threshold | named | precision | recall, certain | recall, likely | named of none |")
    print("|---|---|---|---|---|---|")
    for threshold in (100, 90, 85, 80, 70, 60, 50):
        named = [(kind, right) for kind, score, right in answers if score >= threshold]
        hits = {kind: sum(right for other, right in named if other == kind) for kind in counts}
        precision = sum(right for _, right in named) / len(named)
        wrong = sum(kind == "none" for kind, _ in named)
        recall = [hits[kind] / counts[kind] for kind in ("certain", "likely")]
        print(f"| {threshold} | {len(named)} | {precision:.1%} | {recall[0]:.1%} | {recall[1]:.1%} | {wrong} |")


if __name__ == "__main__":
    main(sys.argv[1])
