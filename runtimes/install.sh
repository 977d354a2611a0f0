#!/usr/bin/env bash
# Installs what Lambda's runtimes need beside the languages themselves: the runtime clients and
# the AWS SDKs that AWS's runtimes ship, each pinned with its checksum. Afterwards no network is
# needed. Usage: runtimes/install.sh [nodejs20.x] [python3.11] [java17]
#
# GUREUM_RUNTIMES        where (default ${XDG_CACHE_HOME:-$HOME/.cache}/gureum/runtimes)
# GUREUM_NODE, GUREUM_PYTHON, GUREUM_JAVA   an interpreter of your choice
# GUREUM_MAVEN           Maven repository (default https://repo1.maven.org/maven2)
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
base=${GUREUM_RUNTIMES:-${XDG_CACHE_HOME:-$HOME/.cache}/gureum/runtimes}
mkdir -p "$base"
base=$(cd "$base" && pwd -P)
work=

say() { printf '%s\n' "$*"; }
fail() { say "$1: not installed: $2" >&2; return 1; }

# prefix PROGRAM: the folder a program needs to be seen in, or nothing when it lives in /usr.
prefix() {
    local real
    real=$(readlink -f "$1")
    case "$real" in
        /usr/*|/bin/*|/nix/store/*|/gnu/store/*) ;;
        *) dirname "$(dirname "$real")" ;;
    esac
}

# describe RUNTIME VERSION PROGRAM [FOLDER]: writes what the server reads. The interpreter is
# looked for anew each time, so that it may move.
describe() {
    local folder=${4:-$(prefix "$3")} mounts='[]'
    [ -z "$folder" ] || mounts="[$(quote "$folder")]"
    printf '{"runtime": %s, "version": %s, "program": %s, "mounts": %s}\n' \
        "$(quote "$1")" "$(quote "$2")" "$(quote "$(readlink -f "$3")")" "$mounts" \
        >"$base/$1/runtime.json.new"
    mv "$base/$1/runtime.json.new" "$base/$1/runtime.json"
    say "$1: ready: $2 at $3"
}

quote() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

# install RUNTIME: fills a new folder, named by the hash of our manifests, and only then names it
# RUNTIME; a broken installation is never seen.
install() {
    local runtime=$1 hash folder
    hash=$(cd "$here/$runtime" && cat -- * | sha256sum | cut -c1-16)
    folder=$runtime-$hash-$(uname -m)
    if [ ! -d "$base/$folder" ]; then
        work=$(mktemp -d "$base/.new-XXXXXX")
        chmod 755 "$work"
        mkdir "$work/runtime"
        "fill_${runtime%%[0-9]*}" "$work/runtime" "$runtime"
        # The sandboxed user is nobody in particular, so everyone must be able to read.
        chmod -R a+rX "$work"
        # Another installer may have been faster.
        mv -T "$work" "$base/$folder" 2>/dev/null || [ -d "$base/$folder/runtime" ]
        rm -rf "$work"
        work=
    fi
    ln -sfn "$folder" "$base/$runtime"
}

node_major() { "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

fill_nodejs() {
    say "$2: the runtime client and the AWS SDK for JavaScript v3, from npm …"
    cp "$here/$2"/*.mjs "$here/$2"/package{,-lock}.json "$1"
    (cd "$1" && npm ci --silent --no-audit --no-fund --ignore-scripts)
}

setup_nodejs() {
    local node=${GUREUM_NODE:-$(command -v node || true)}
    [ -n "$node" ] && [ "$(node_major "$node")" -ge 20 ] || {
        fail "$1" "it needs Node.js 20 or newer (Debian: apt install nodejs npm, or https://nodejs.org)"
        return
    }
    command -v npm >/dev/null || [ -d "$base/$1" ] || { fail "$1" "it needs npm once"; return; }
    install "$1"
    describe "$1" "$("$node" --version)" "$node"
}

fill_python() {
    say "$2: AWS's runtime client and boto3, from PyPI …"
    local pip=$python
    # Debian's Python may lack pip but make environments that have it.
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv "$work/pip"
        pip=$work/pip/bin/python
    fi
    "$pip" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
        --only-binary :all: --no-compile --target "$1" -r "$here/$2/requirements.txt"
    rm -rf "$work/pip"
    # The folder is read-only later: byte code is made now.
    "$python" -m compileall -q "$1"
}

setup_python() {
    python=${GUREUM_PYTHON:-$(command -v python3.11 || true)}
    [ -n "$python" ] && "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
        fail "$1" "it needs Python 3.11 (Debian: apt install python3.11 python3-pip)"
        return
    }
    # A version manager's shim is no interpreter: ask for the real one.
    python=$("$python" -c 'import sys; print(sys.executable)')
    [ -e "$base/$1" ] || "$python" -c 'import pip' 2>/dev/null ||
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        { fail "$1" "it needs pip once (Debian: apt install python3-venv)"; return; }
    install "$1"
    describe "$1" "$("$python" --version)" "$python" \
        "$("$python" -c 'import sys; print("" if sys.base_prefix == "/usr" else sys.base_prefix)')"
}

fill_java() {
    say "$2: AWS's runtime client, from Maven Central …"
    mkdir "$1/lib"
    local sum path repository=${GUREUM_MAVEN:-https://repo1.maven.org/maven2}
    while read -r sum path; do
        curl -fsSL --retry 3 -o "$1/lib/${path##*/}" "$repository/$path"
        echo "$sum  $1/lib/${path##*/}" | sha256sum --quiet -c
    done <"$here/$2/jars.sha256"
}

java_major() { "$1" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.specification\.version = //p'; }

# The JDK of this very version if there is one, else any newer.
find_java() {
    local candidate newer=
    for candidate in "${GUREUM_JAVA:-}" "${JAVA_HOME:+$JAVA_HOME/bin/java}" \
        "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
        [ -x "$candidate" ] || continue
        case "$(java_major "$candidate")" in
            17) echo "$candidate"; return ;;
            18|19|2[0-9]) newer=${newer:-$candidate} ;;
        esac
    done
    echo "$newer"
}

setup_java() {
    local java
    java=$(find_java)
    [ -n "$java" ] || {
        fail "$1" "it needs Java 17 or newer (Debian: apt install openjdk-17-jre-headless)"
        return
    }
    command -v curl >/dev/null || [ -d "$base/$1" ] || { fail "$1" "it needs curl once"; return; }
    install "$1"
    describe "$1" "$("$java" -version 2>&1 | head -n 1)" "$java"
}

setup() {
    case "$1" in
        nodejs20.x) setup_nodejs "$1" ;;
        python3.11) setup_python "$1" ;;
        java17) setup_java "$1" ;;
        *) fail "$1" "there are nodejs20.x, python3.11 and java17" ;;
    esac
}

[ $# -gt 0 ] || set -- nodejs20.x python3.11 java17
status=0
# Each in a shell of its own, that stops at its first error; the others are tried all the same.
set +e
for runtime; do
    (
        set -e
        trap '[ -z "$work" ] || rm -rf "$work"' EXIT
        setup "$runtime"
    )
    [ $? = 0 ] || status=1
done
exit $status
