# Shared by the scripts of this folder: places, one line a stage, errors. Source it; it runs nothing.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
var="$root/var"

# The Symfony line the PHP packages are taken from: 6.4 (default) or 7.4.
symfony="${SYMFONY:-6.4}"

# Downloads outlive a clone: a second clone, or CI, starts warm.
cache="${OSSA_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/ossa-runtime}"
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache="$var/cache"

# shellcheck disable=SC2034 # for the scripts that source this
vendor="$var/php/$symfony/vendor"

say() { printf '%s\n' "$*" >&2; }

die() { say "error: $*"; exit 1; }

log_name() { printf '%s.log' "$(printf '%s' "$1" | tr -cs '[:alnum:].' '-' | sed 's/-$//')"; }

# stage LABEL COMMAND…: one line with the seconds it took; its output goes to a log, whose tail is shown on failure.
# A function given as COMMAND joins its commands with &&: bash does not stop at a failure inside a tested command.
stage() {
    local label="$1" log status=0
    local began=$SECONDS
    shift
    mkdir -p "$var/log"
    log="$var/log/$(log_name "$label")"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        say "$label: failed after $((SECONDS - began)) s; the last lines of ${log#"$root"/}:"
        tail -n 40 "$log" >&2
        return "$status"
    fi
    printf '%-52s %4d s\n' "$label" "$((SECONDS - began))" >&2
}

# rustup puts cargo here without telling the shell that called it.
[ ! -d "${HOME:-}/.cargo/bin" ] || PATH="$PATH:$HOME/.cargo/bin"

has() { command -v "$1" >/dev/null 2>&1; }

# Cargo profile the extension is built with: dev for the demo and the tests (shares its compiled crates with cargo test), release for benchmarks.
profile="${OSSA_PROFILE:-dev}"

# The folder PHP scans for an ini file that loads the extension.
extension_conf() { printf '%s\n' "$var/php/conf.d/$profile"; }

# Through the environment, not by -d, because child processes (workers, Composer scripts) need the extension as well.
# The leading colon keeps PHP's own folder.
with_extension() {
    PHP_INI_SCAN_DIR="${PHP_INI_SCAN_DIR:-}:$(extension_conf)"
    export PHP_INI_SCAN_DIR
}
