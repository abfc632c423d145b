"""Container registries, through the API of the OCI distribution specification, with the logins that people have.

Nothing here is loaded, and no socket is opened, unless a run is asked to use the network.
"""
