# The gate as a sidecar or gateway, the webhook, and with `iptables install` the pod's init container.

FROM python:3.13-slim AS build

WORKDIR /src
RUN python -m venv /opt/outgate
COPY requirements/build.txt requirements/image.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && /opt/outgate/bin/pip install --no-cache-dir --require-hashes -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY addons addons
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/outgate/bin/pip install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM python:3.13-slim

# iptables is for the init container, which runs as root with NET_ADMIN; the gate itself never calls it.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iptables \
 && rm -rf /var/lib/apt/lists/*
# The uid that the redirect rules leave alone.
RUN groupadd --gid 1337 outgate \
 && useradd --uid 1337 --gid 1337 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin outgate
COPY --from=build /opt/outgate /opt/outgate
# For mitmdump in its place: `mitmdump -s /opt/outgate/addons/egress.py`.
COPY addons/egress.py /opt/outgate/addons/egress.py

# The root file system may be read-only: bytecode was compiled above, and HOME is /tmp for what insists on one. Policy and
# CA are mounted side by side.
ENV PATH=/opt/outgate/bin:$PATH \
    HOME=/tmp \
    OUTGATE_CA_CERTIFICATE=/etc/outgate/certs/outgate-ca.crt \
    OUTGATE_CA_KEY=/etc/outgate/certs/outgate-ca.key \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 1337:1337
WORKDIR /tmp
STOPSIGNAL SIGTERM
ENTRYPOINT ["outgate"]
CMD ["run", "--policy", "/etc/outgate/policy"]
