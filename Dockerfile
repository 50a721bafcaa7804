# fetchmesh as a gateway:   docker build -t fetchmesh .
# an instance of the shop:  docker build -t fetchmesh-shop --target shop .

FROM node:24.21-slim AS build
WORKDIR /build
# What is installed first changes least: it is built anew only where a dependency changed.
COPY package.json package-lock.json .npmrc ./
COPY tools/link-node.mjs tools/
COPY tools/node24/package.json tools/node24/
COPY test/fixtures/sdk3/package.json test/fixtures/sdk3/
RUN npm ci --no-fund --no-audit --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY tools/build.ts tools/command.ts tools/rules-schemas.ts tools/rules-page.ts tools/rules-defaults.ts \
  tools/rules-words.ts tools/
COPY bin bin
COPY src src
RUN npm run --silent build
# The bundle holds all but these: the server, and the client of --store redis://….
WORKDIR /build/image
RUN mkdir -p dist node_modules \
  && cp -r ../bin ../package.json . \
  && cp -r ../dist/cli dist/ \
  && cp -r ../node_modules/srvx ../node_modules/redis ../node_modules/@redis \
    ../node_modules/cluster-key-slot node_modules/

FROM build AS shop-build
WORKDIR /build
COPY workers workers
WORKDIR /build/shop
RUN mkdir -p node_modules/@opentelemetry \
  && cp -r ../package.json ../src ../workers . \
  && cp -r ../node_modules/srvx ../node_modules/yaml ../node_modules/zod ../node_modules/jose \
    ../node_modules/itty-router node_modules/ \
  && cp -r ../node_modules/@opentelemetry/api ../node_modules/@opentelemetry/core \
    ../node_modules/@opentelemetry/resources ../node_modules/@opentelemetry/sdk-trace \
    ../node_modules/@opentelemetry/sdk-trace-base ../node_modules/@opentelemetry/sdk-trace-web \
    ../node_modules/@opentelemetry/semantic-conventions node_modules/@opentelemetry/

FROM node:24.21-alpine AS node

# No npm, no compiler, no package manager's cache: Node, its two libraries and a shell.
FROM alpine:3.22 AS base
COPY --from=node /usr/lib/libstdc++.so.6 /usr/lib/libgcc_s.so.1 /usr/lib/
COPY --from=node /usr/local/bin/node /usr/local/bin/
# The heap follows the memory that the container was given; the rest is for bodies and code.
ENV NODE_ENV=production NODE_OPTIONS=--max-old-space-size-percentage=50
# By number: where an orchestrator asks for a user that is not root, it cannot read names.
USER 65532:65532

FROM base AS shop
WORKDIR /opt/shop
COPY --from=shop-build /build/shop ./
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s --retries=3 \
  CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["node", "workers/serve.ts", "--host", "0.0.0.0", "--port", "8080"]
CMD ["inventory"]

FROM base AS gateway
WORKDIR /opt/fetchmesh
COPY --from=build /build/image ./
EXPOSE 8080 9321
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s --retries=3 \
  CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9321/readyz"]
ENTRYPOINT ["node", "bin/fetchmesh.mjs"]
CMD ["serve", "--rules", "/etc/fetchmesh/fetchmesh.yaml", "--watch", "--host", "0.0.0.0", "--admin-host", "0.0.0.0"]
