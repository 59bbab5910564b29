# Lifeboat's worker and command. Debian with glibc: Temporal's native part has no build for musl.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No install scripts: nothing that runs here needs one, and none of the 300 packages gets to run code at build time.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && npm cache clean --force \
  # Temporal's native part comes for every system: keep those for Linux with glibc.
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name '*-unknown-linux-gnu' -exec rm -r {} +

FROM ${NODE_IMAGE} AS app
WORKDIR /app
ENV NODE_ENV=production
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY bin ./bin
COPY src ./src
# The workflow bundles (without and with a payload codec) are made once, here, and not at every start.
RUN LIFEBOAT_WORKFLOW_BUNDLE=/app/workflow-bundle.js node --input-type=module \
      --eval "const { workflowBundle } = await import('/app/src/worker/workflow-bundle.ts'); await workflowBundle(); await workflowBundle({ encoded: true }); process.exit(0)" \
  && test -s workflow-bundle.js && test -s workflow-bundle.encoded.js

FROM ${NODE_IMAGE}
# Temporal's native part reads the certificates of the system even where no TLS is spoken.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir -p /etc/lifeboat /var/lib/lifeboat \
  && chown node:node /var/lib/lifeboat \
  && install -d -m 700 -o node -g node /var/lib/lifeboat-uploads \
  && ln -s /app/bin/lifeboat /usr/local/bin/lifeboat
WORKDIR /app
COPY --from=app /app ./
ENV NODE_ENV=production \
  LIFEBOAT_CONFIG=/etc/lifeboat/lifeboat.yaml \
  LIFEBOAT_WORKFLOW_BUNDLE=/app/workflow-bundle.js \
  NODE_OPTIONS=--max-old-space-size=768
# Not root. Where the Docker socket is mounted instead of a socket proxy, give the container its group:
#   docker run --group-add "$(stat -c %g /var/run/docker.sock)" …
USER node
VOLUME /var/lib/lifeboat
EXPOSE 9464 8484
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app/bin/lifeboat"]
CMD ["worker", "--schedules"]
