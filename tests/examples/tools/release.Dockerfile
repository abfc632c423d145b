ARG BASE
FROM ${BASE}
# echo-migrate: ignore[unhardened-image] the signing tool is certified on this base
FROM debian:12 AS sign
FROM registry.corp.example/platform/release-tools:4
COPY --from=sign /usr/bin/sign /usr/bin/sign
