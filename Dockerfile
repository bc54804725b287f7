# The image of edx-import: `docker build --tag iadb/edx-import .`
#
# WITH_EMBEDDED=0 leaves the local MongoDB server out (130 MB): then STORAGE_URI or a linked MongoDB is needed. That server, MongoDB
# Community, is licensed under the SSPL-1.0, not the MIT licence of edx-import: build with 0 what you hand on to others.
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
ARG WITH_EMBEDDED=1
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Every package as pinned, by its hash, in constraints.txt; the sections of that file from `end` on are left out. The section geoip has
# the one package that is published as source only: the builder makes its wheel.
COPY constraints.txt ./
RUN end=build \
 && if [ "${WITH_EMBEDDED}" = 0 ]; then end=embedded; fi \
 && sed "/^# ==== ${end}/,\$d" constraints.txt > runtime.txt \
 && { echo '--only-binary :all:'; sed -n '/^# ==== geoip/,/^# ==== dev/p' constraints.txt; } > geoip.txt \
 && sed '/^# ==== geoip/,$d' constraints.txt > builder.txt \
 && python3 -m venv --without-pip /opt/edx-import \
 && python3 -m pip --python /opt/edx-import/bin/python install --require-hashes -r runtime.txt \
 && python3 -m venv /opt/builder \
 && /opt/builder/bin/pip install --require-hashes -r builder.txt \
 && /opt/builder/bin/pip wheel --no-deps --no-build-isolation --require-hashes --wheel-dir dist -r geoip.txt

COPY pyproject.toml README.md LICENSE courses.yaml ./
COPY commands commands
COPY edx_import edx_import
RUN /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && python3 -m pip --python /opt/edx-import/bin/python install --no-deps --no-index dist/*.whl


FROM ${BASE_IMAGE}
ARG WITH_EMBEDDED=1
LABEL org.opencontainers.image.title="edx-import" \
      org.opencontainers.image.description="Brings the edX data package from S3 into MongoDB, and answers questions from it" \
      org.opencontainers.image.licenses="MIT"

# hadolint ignore=DL3008
RUN libraries='' \
 && if [ "${WITH_EMBEDDED}" != 0 ]; then libraries=libcurl4; fi \
 && apt-get update \
 && apt-get install --yes --no-install-recommends gnupg tini ${libraries} \
 && rm -rf /var/lib/apt/lists/*

COPY --from=build /opt/edx-import /opt/edx-import
COPY run.sh /usr/local/bin/run.sh

# /data is open to every user of the container, so that `--user "$(id -u)"` can be said to let it read a key file of one's own.
# /app/commands is a place to mount report commands of one's own.
RUN ln -s /opt/edx-import/bin/edx-import /usr/local/bin/edx-import \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /bin/bash edx-import \
 && mkdir -p /app/commands \
 && install -d -m 1777 /data

ENV EDX_IMPORT_HOME=/data \
    HOME=/data \
    COMMANDS_PATH=/app/commands \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
VOLUME /data
USER 10001
# No HEALTHCHECK: edx-import is no server; each run ends by itself and says how in its exit code.
ENTRYPOINT ["/usr/local/bin/run.sh"]
CMD ["--help"]
