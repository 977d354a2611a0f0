# Builds both functions of the example when a source is newer than the result. Sourced; expects $root and tools.sh.

desk="$root/examples/flight-desk"

build_functions() {
    ts="$desk/typescript"
    if stale "$ts/node_modules/.package-lock.json" "$ts/package-lock.json"; then
        progress "fetching the packages of the TypeScript function"
        (cd "$ts" && npm ci --silent --no-audit --no-fund >&2) || die "npm ci failed in $ts."
    fi
    if stale "$ts/dist/index.mjs" "$ts/src" "$ts/build.mjs" "$ts/package-lock.json"; then
        progress "building the TypeScript function"
        (cd "$ts" && npm run --silent build >&2) || die "npm run build failed in $ts."
    fi
    if stale "$desk/java/target/flight-desk.zip" "$desk/java/src" "$desk/java/pom.xml" "$desk/java/assembly.xml"; then
        progress "building the Java function"
        (cd "$desk/java" && mvn -q -B package >&2) || die "mvn package failed in $desk/java."
    fi
}
