# The image holds Python, the locked requirements and syncd; it writes to /data alone.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
RUN python -m venv /opt/syncd
COPY requirements.lock .
RUN /opt/syncd/bin/python -m pip install --require-hashes -r requirements.lock
# The package is copied, not built: what is installed is what was tested, and no build tool is
# fetched. The migrations and presets go where an installed syncd looks for them. It is compiled
# here, since the image is read-only and `syncd health` runs every 30 s; whatever the umask of the
# checkout, the user of the image can read it.
COPY syncd/ ./syncd/
COPY migrations/ ./syncd/_migrations/
COPY config/presets/ ./syncd/_presets/
RUN site="$(/opt/syncd/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && cp -r syncd "$site/syncd" \
    && /opt/syncd/bin/python -m compileall -q --invalidation-mode unchecked-hash "$site/syncd" \
    && chmod -R a+rX "$site/syncd" \
    && printf '#!/opt/syncd/bin/python\nfrom syncd.cli import main\n\nmain()\n' > /opt/syncd/bin/syncd \
    && chmod 755 /opt/syncd/bin/syncd \
    && /opt/syncd/bin/python -m pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="syncd" \
      org.opencontainers.image.description="Keeps Scan2Evolve work orders and a CMMS in step" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
COPY --from=build /opt/syncd /opt/syncd
ENV PATH="/opt/syncd/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Any uid may own /data: OpenShift chooses its own, in group 0.
RUN mkdir /data && chown 10001:0 /data && chmod 770 /data
USER 10001:0
# The mirror is sqlite:///syncd.db by default, hence a file in /data. SYNCD_DATABASE_URL is not set
# here: it would stand in the way of SYNCD_DATABASE_URL_FILE.
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 CMD ["syncd", "health"]
ENTRYPOINT ["syncd"]
CMD ["run"]
