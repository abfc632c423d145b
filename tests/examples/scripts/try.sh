#!/bin/sh
set -e
docker run --rm -v "$PWD:/src" -w /src python:3.12 python -m pytest
