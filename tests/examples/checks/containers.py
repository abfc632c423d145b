"""Containers that checks run against."""

from testcontainers.core.container import DockerContainer

web = DockerContainer("nginx:1.29").with_exposed_ports(80)
