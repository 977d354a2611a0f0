# Finds or installs what a build, the demo and the tests need. Sourced by ./gureum and ./test; expects $root.
#
#   need build|demo|test    make sure the tools of that purpose are there
#
# As root on Debian or Ubuntu it installs what is missing. Otherwise it says in one line what to install, and ends.

# Node.js as an npm package, for a distribution whose own is older than NODE_MIN.
NODE_MIN=20
NODE_PACKAGE_VERSION=20.20.2
JAVA_MIN=17

tools="$root/.tools"
export PATH="$tools/node/bin:$tools/bin:$PATH:$HOME/.cargo/bin"

progress() { printf '\033[2m· %s\033[0m\n' "$*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# stale RESULT SOURCE…: whether RESULT is absent or older than something in SOURCE.
stale() {
    result=$1
    shift
    [ ! -e "$result" ] || [ -n "$(find "$@" -newer "$result" -print -quit)" ]
}

# at_least WANTED FOUND: whether version FOUND is WANTED or newer.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

rust_min() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }
rust_fits() {
    have cargo && have rustc && at_least "$(rust_min)" "$(rustc --version 2>/dev/null | cut -d ' ' -f 2)"
}
node_fits() {
    have node && have npm && at_least $NODE_MIN "$(node --version 2>/dev/null | tr -d v)"
}
java_fits() {
    have java && have javac && at_least $JAVA_MIN "$(javac -version 2>&1 | cut -d ' ' -f 2)"
}
venv_fits() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

# The Debian packages that `need $1` misses, Rust and a newer Node.js apart.
missing_packages() {
    have cc || echo build-essential
    [ "$1" = build ] && return
    have curl || echo curl ca-certificates
    have python3 || echo python3
    venv_fits || echo python3-venv
    have node && have npm || echo nodejs npm
    java_fits || echo default-jdk-headless
    have mvn || echo maven
}

need() {
    packages=$(missing_packages "$1" | tr '\n' ' ')
    rust_fits || have rustup || packages="$packages$(rust_packages)"
    [ -z "$packages" ] || install_packages "$packages"
    rust_fits || install_rust
    [ "$1" != test ] || { have cargo-clippy && have rustfmt; } || install_rust_checks
    [ "$1" = build ] || node_fits || install_node
}

install_packages() {
    if [ "$(id -u)" != 0 ] || ! have apt-get; then
        die "Please install: apt-get install $1 (Rust $(rust_min) or newer, Node.js $NODE_MIN, a JDK $JAVA_MIN), then run this again."
    fi
    progress "installing $1"
    apt_get update
    # shellcheck disable=SC2086 # a list of names
    apt_get install --no-install-recommends $1
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -y "$@" >/dev/null ||
        die "apt-get $* failed."
}

# What brings a Rust of the wanted age: Debian 13 has rustup, Debian 12 keeps a newer compiler for browsers.
rust_packages() {
    if [ "$(id -u)" = 0 ] && have apt-get; then
        apt_get update
        for packages in "rustup" "rustc-web cargo-web rustfmt-web rust-web-clippy" "rustc cargo rustfmt rust-clippy"; do
            candidate=$(apt-cache policy "${packages%% *}" | sed -n 's/ *Candidate: //p')
            case "$candidate" in
                "" | "(none)") continue ;;
            esac
            if [ "$packages" = rustup ] || at_least "$(rust_min)" "$candidate"; then
                echo "$packages"
                return
            fi
        done
    fi
    echo rustup
}

install_rust() {
    have rustup || die "Please install Rust $(rust_min) or newer (https://rustup.rs), then run this again."
    progress "installing Rust"
    rustup --quiet toolchain install stable --profile minimal --component rustfmt,clippy >/dev/null &&
        rustup --quiet default stable && hash -r && rust_fits ||
        die "rustup could not install Rust $(rust_min) or newer."
}

install_rust_checks() {
    have rustup || die "Please install rustfmt and clippy, then run this again."
    rustup --quiet component add rustfmt clippy || die "rustup could not add rustfmt and clippy."
}

install_node() {
    case "$(uname -m)" in
        x86_64) arch=x64 ;;
        aarch64) arch=arm64 ;;
        *) die "Please install Node.js $NODE_MIN or newer, then run this again." ;;
    esac
    have npm || die "Please install Node.js $NODE_MIN or newer with npm, then run this again."
    progress "installing Node.js $NODE_PACKAGE_VERSION into .tools"
    npm install --silent --no-audit --no-fund --prefix "$tools" "node-linux-$arch@$NODE_PACKAGE_VERSION" >&2 &&
        ln -sfn "node_modules/node-linux-$arch" "$tools/node" && hash -r && node_fits ||
        die "npm could not install Node.js $NODE_PACKAGE_VERSION."
}
