# The stages of ./test: a function each, in order of `stages`. Sourced; expects $root, $logs and the other scripts.

stages="fmt tidy codegen clippy deny unit roundtrip boto3 cli node java demo crash"

CARGO_DENY_VERSION=0.20.2

stage_fmt() { cargo fmt --all --check; }
stage_tidy() { cargo xtask tidy; }
# Writes nothing: says which committed file differs from what the models give.
stage_codegen() { cargo xtask codegen --check; }
stage_clippy() { cargo clippy --quiet --locked --workspace --all-targets -- -D warnings; }

stage_deny() {
    if ! have cargo-deny; then
        # Unoptimised and without what only its network checks need: two minutes instead of ten.
        CARGO_PROFILE_DEV_DEBUG=false CARGO_PROFILE_DEV_STRIP=true cargo install --quiet --locked --debug \
            --no-default-features --version $CARGO_DENY_VERSION --root "$tools" --target-dir "$tools/build" cargo-deny &&
            rm -rf "$tools/build" || return
    fi
    cargo fetch --quiet --locked && cargo deny --offline check licenses bans sources
}

# Functions run in it, too.
stage_unit() { ./runtimes/install.sh && cargo test --quiet --locked --workspace --no-fail-fast; }

# Real botocore against our codecs, in all protocols.
stage_roundtrip() { python_clients && "$venv/bin/pytest" -q tests/roundtrip; }

stage_boto3() { side_by_side tests/boto3 'test_lambda*.py'; }
stage_cli() { side_by_side tests/cli test_terraform.py; }

# side_by_side FOLDER FILES: the tests of a folder in two runs at one server, since both mostly wait: those of the
# files, and the others.
side_by_side() {
    local first status
    python_clients && start_server || return
    # shellcheck disable=SC2086 # a pattern of files
    GUREUM_ENDPOINT=$endpoint "$venv/bin/pytest" -q --durations=8 $1/$2 >"$logs/first.log" 2>&1 &
    first=$!
    GUREUM_ENDPOINT=$endpoint "$venv/bin/pytest" -q --durations=8 "$1" --ignore-glob="*/$2"
    status=$?
    wait $first || status=1
    cat "$logs/first.log"
    return $status
}

stage_node() {
    (cd tests/node && { ! stale node_modules/.package-lock.json package-lock.json || npm ci --silent --no-audit --no-fund; }) &&
        with_server node --test --test-reporter=tap tests/node/*.test.js
}

stage_java() { with_server mvn -B -ntp -f tests/java/pom.xml test; }

stage_demo() { ./gureum demo; }

# The full length of the promise: the store alone, then the whole server, which waits much, so several at once. Alone
# they are short.
stage_crash() {
    export GUREUM_CRASH_ROUNDS="${GUREUM_CRASH_ROUNDS:-500}"
    cargo test --quiet --locked -p store --test crash && python_clients && build_gureum &&
        printf '%s\n' tests/crash/test_*.py | GUREUM_BINARY=$binary xargs -P 3 -n 1 "$venv/bin/pytest" -q -s
}

venv="$root/.venv"
python_clients() {
    stale "$venv/.installed" tests/requirements.txt || return 0
    python3 -m venv --clear "$venv" &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/requirements.txt &&
        touch "$venv/.installed"
}

# with_server COMMAND…: runs it with GUREUM_ENDPOINT at one server that all client stages share.
with_server() {
    start_server && GUREUM_ENDPOINT=$endpoint "$@"
}

server_pid=
start_server() {
    [ -z "$server_pid" ] || return 0
    build_gureum && ./gureum runtimes && build_functions || return
    # SnapStart begins with it; where there is no such interpreter, its tests are skipped.
    ./gureum runtimes python3.12 || true
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    GUREUM_LAMBDA_RETRY_S=0.5 GUREUM_FULL_CPU_LAMBDA=1 "$binary" up --memory --listen "127.0.0.1:$port" >"$logs/server.log" 2>&1 &
    server_pid=$!
    endpoint="http://127.0.0.1:$port"
    for _ in $(seq 100); do
        if curl -sf -o /dev/null "$endpoint/_gureum/health"; then return 0; fi
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "The server did not come up:"
    cat "$logs/server.log"
    return 1
}
