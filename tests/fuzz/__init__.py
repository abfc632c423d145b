"""Fuzzing: a target for each kind of input that the program reads from others, and the laws that hold for any text.

``python -m tests.fuzz`` runs targets for as long as wished, ``tests/test_fuzz.py`` a few examples of each.
"""
