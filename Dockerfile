FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && python -m venv /opt/sendgate \
 && /opt/sendgate/bin/pip install --no-cache-dir "$(echo /wheels/sendgate-*.whl)[server,connectors]"

FROM python:3.11-slim
COPY --from=build /opt/sendgate /opt/sendgate
# Numeric, so that Kubernetes can tell that it is not root.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/sendgate
USER 10001:10001
ENV PATH=/opt/sendgate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SENDGATE_DATABASE=/var/lib/sendgate/sendgate.db \
    SENDGATE_LISTEN=0.0.0.0:50051
# Without it the gate refuses 0.0.0.0 as long as it is given neither TLS nor credentials (docs/operations/identity.md),
# and whoever reaches the port may ask and record. Publish the port on loopback, or on a network that you trust.
ENV SENDGATE_INSECURE=true
# The C library keeps freed blocks for each thread, some hundreds after a flood, each in a page of its own.
ENV GLIBC_TUNABLES=glibc.malloc.tcache_count=0
VOLUME /var/lib/sendgate
EXPOSE 50051
# For the gate. A container that runs `connectors serve` is started with --no-healthcheck and probed at /healthz.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["sendgate", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sendgate"]
CMD ["serve"]
