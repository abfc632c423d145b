"""Proofs by real builders: a daemon of its own, stand-ins for base images, and projects."""
