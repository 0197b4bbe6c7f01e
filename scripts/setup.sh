#!/usr/bin/env bash
# Makes .venv from requirements.lock, installs this checkout into it, and adds the Debian packages
# of deploy/debian-packages.txt where it may. Does nothing when all of these are up to date.
#
# pip installs, not uv: pip takes a CPU wheel of torch that its find-links offer.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
venv=.venv
stamp="$venv/setup-stamp"

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# Two setups of one checkout at a time would break each other's .venv.
if command -v flock >/dev/null; then
    exec 9<"$root"
    flock 9
fi

# The name alone is not enough: a version manager's shim may have no Python behind it.
find_python() {
    local name
    for name in python3.11 python3; do
        if "$name" -c '' >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    fail "no python3 found; install Python 3.11 (3.12 runs without Reverb)."
}

python_version() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])'; }

# The stamp is a hash of the files that .venv was made from, and of the checkout's path.
fingerprint() {
    { cat requirements.lock pyproject.toml deploy/debian-packages.txt scripts/setup.sh
      printf '%s %s\n' "$root" "$1"; } | sha256sum | cut -d' ' -f1
}

make_venv() {
    local python version
    python="$(find_python)"
    version="$(python_version "$python")"
    case "$version" in
        3.11.*) ;;
        3.12.*) say "Python $version: Reverb has no wheels for it, so only in-memory replay will work." ;;
        *) fail "$python is Python $version; skill-train needs 3.11, or 3.12 without Reverb." ;;
    esac
    say "making $venv with Python $version"
    rm -rf "$venv"
    "$python" -m venv "$venv" \
        || fail "could not make $venv; on Debian, install the package python${version%.*}-venv."
}

install_python_packages() {
    say "installing requirements.lock (a minute or so)"
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check \
        --requirement requirements.lock
    say "installing this checkout"
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --editable .
}

install_debian_packages() {
    local missing=() name
    command -v dpkg-query >/dev/null || {
        say "not a Debian system: headless rendering needs EGL or OSMesa libraries from elsewhere."
        return
    }
    while read -r name; do
        dpkg-query --show --showformat='${Status}' "$name" 2>/dev/null \
            | grep -q 'install ok installed' || missing+=("$name")
    done < <(grep -v '^ *\(#\|$\)' deploy/debian-packages.txt)
    [ ${#missing[@]} -eq 0 ] && return

    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installing Debian packages: ${missing[*]}"
        if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                "${missing[@]}" >/dev/null 2>&1; then
            return
        fi
        # The package lists may be missing or old: fetch them and try once more.
        if apt-get update -qq >/dev/null 2>&1 \
            && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                "${missing[@]}" >/dev/null 2>&1; then
            return
        fi
    fi
    say "not installed: Debian packages ${missing[*]}; training works, rendering without a screen and tests of several hosts may not."
}

if [ -x "$venv/bin/python" ] && version="$(python_version "$venv/bin/python" 2>/dev/null)"; then
    if [ "$(cat "$stamp" 2>/dev/null || true)" = "$(fingerprint "$version")" ]; then
        exit 0
    fi
    say "$venv is not what requirements.lock and pyproject.toml ask for; bringing it up to date"
else
    make_venv
    version="$(python_version "$venv/bin/python")"
fi
rm -f "$stamp"
install_python_packages
install_debian_packages
fingerprint "$version" >"$stamp"
say "done"
