"""Proofs: an image is built and started before and after a change of its Dockerfile, and the two are compared.

This room runs a repository's own code, by the builder of the user. No other room does, and only the command ``prove``
enters it for that.
"""
