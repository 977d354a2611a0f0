# Builds the binary when a source has changed. Sourced; expects $root and tools.sh. Sets $binary.
# GUREUM_PROFILE=release asks for the optimised build, GUREUM_PROFILE=dist for what is handed out.

case "${GUREUM_PROFILE:-dev}" in
    release | dist) profile=$GUREUM_PROFILE folder="${CARGO_TARGET_DIR:-$root/target}/$GUREUM_PROFILE" ;;
    *) profile=dev folder="${CARGO_TARGET_DIR:-$root/target}/debug" ;;
esac
binary="$folder/gureum"

build_gureum() {
    # A stamp, not the age of the binary: cargo leaves that alone when nothing it needs has changed.
    if [ -x "$binary" ] && ! stale "$folder/.gureum-built" \
        "$root/crates" "$root/models" "$root/Cargo.toml" "$root/Cargo.lock"; then
        return 0
    fi
    need build
    quiet=--quiet
    if [ ! -x "$binary" ]; then
        progress "building Gureum; the first time this takes some minutes"
        quiet=
    fi
    mkdir -p "$folder"
    touch "$folder/.gureum-started"
    # shellcheck disable=SC2086 # an option or nothing
    cargo build $quiet --locked --manifest-path "$root/Cargo.toml" --package cloud --profile "$profile" &&
        mv "$folder/.gureum-started" "$folder/.gureum-built"
}
