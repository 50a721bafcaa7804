#!/bin/sh
# What the pipeline runs on each commit: wrong rules end it with a place and a reason, right ones are put where gateways look.
set -e
npx fetchmesh check -f rules.yaml --env production --strict
mkdir -p public
npx fetchmesh build -f rules.yaml --env production -o public/rules.json
