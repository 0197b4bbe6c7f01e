#!/usr/bin/env bash
# Resolves requirements.lock from pyproject.toml. Versions already in the lock are kept where they
# still fit; to move one, delete its line first, or pass uv's --upgrade.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v uv >/dev/null || { echo "lock: uv is not on the PATH; pip install uv." >&2; exit 1; }
body="$(mktemp)"
trap 'rm -f "$body"' EXIT
[ -f requirements.lock ] && cp requirements.lock "$body"

uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
    --no-header --no-emit-index-url --no-emit-find-links --quiet "$@" --output-file "$body" >/dev/null

{
    cat <<'HEADER'
# Every package of the environment, pinned, for Linux and Python 3.11 (markers: 3.12).
#
# Made by scripts/lock.sh: `uv pip compile --universal --python-version 3.11 --extra dev`, with the
# CUDA packages that torch asks for taken out. Install it with pip and with dependencies on:
# where pip's find-links offer a CPU wheel of this torch, pip takes it and no CUDA package at all;
# elsewhere pip adds the CUDA packages that the torch wheel itself names.
HEADER
    # A removed package takes the indented "# via" lines under it along; markers that hold on every
    # machine of [tool.uv] environments go too.
    awk '/^(nvidia-|cuda-|triton)/ { skip = 1; next } /^[^ #]/ { skip = 0 } !skip' "$body" \
        | sed -E "/^#/d; s/ ; python_full_version < '3.13' and sys_platform == 'linux'$//; \
            s/python_full_version < '3.13' and //; s/ and sys_platform == 'linux'$//"
} >requirements.lock
