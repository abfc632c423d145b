"""Containers that checks run against."""

from testcontainers.core.container import DockerContainer

web = DockerContainer("nginx:1.30").with_exposed_ports(80)
