# shellcheck shell=bash
# Building, as ./osmia and ./test do it. Expects root, artifacts, stamp, command and the function is_current.

# Sets dotnet to the first one that has an SDK of version 10.0, looking where installers put it when it is not on PATH.
find_dotnet() {
    local candidate real older=
    for candidate in "${DOTNET_ROOT:+$DOTNET_ROOT/dotnet}" "$(type -P dotnet)" /usr/share/dotnet/dotnet /usr/lib/dotnet/dotnet \
        /usr/lib64/dotnet/dotnet /usr/local/share/dotnet/dotnet "${HOME:+$HOME/.dotnet/dotnet}" /opt/dotnet/dotnet /opt/homebrew/bin/dotnet; do
        [ -n "$candidate" ] && [ -x "$candidate" ] || continue
        real=$(readlink -f "$candidate" 2> /dev/null) || real=$candidate
        if compgen -G "${real%/*}/sdk/10.0.*" > /dev/null; then
            dotnet=$real
            return 0
        fi
        older=$real
    done

    {
        echo "osmia: the .NET 10 SDK is needed and was not found."
        [ -n "$older" ] && echo "  $older is there, but has no SDK of version 10.0."
        echo "  Install it in one of these ways:"
        echo "    https://dotnet.microsoft.com/download/dotnet/10.0"
        echo "    apt-get install dotnet-sdk-10.0    (Debian and Ubuntu, with Microsoft's package source)"
        echo "    dotnet-install.sh --channel 10.0   (into ~/.dotnet, no root)"
        echo "  or set DOTNET_ROOT to the folder that holds it."
    } >&2
    return 1
}

# What the SDK needs to be quiet, to work without a home, and to leave no process behind.
prepare_dotnet() {
    export OSMIA_ARTIFACTS=$artifacts
    export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
    export DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_ADD_GLOBAL_TOOLS_TO_PATH=0 DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=1
    export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_SKIP_WORKLOAD_INTEGRITY_CHECK=1
    if [ -z "${HOME:-}" ] || [ ! -d "$HOME" ] || [ ! -w "$HOME" ]; then
        mkdir -p "$artifacts/home"
        export HOME=$artifacts/home DOTNET_CLI_HOME=$artifacts/home
    fi
}

# with_build_lock COMMAND...: one build at a time per artifacts folder. The lock ends with the shell that holds it; the
# commands it starts do not inherit it.
with_build_lock() {
    if ! mkdir -p "$artifacts" 2> /dev/null || [ ! -w "$artifacts" ]; then
        echo "osmia: cannot write to $artifacts; set OSMIA_ARTIFACTS to a folder you may write" >&2
        return 1
    fi

    if command -v flock > /dev/null; then
        (
            flock 9 && "$@" 9>&-
        ) 9> "$artifacts/build.lock"
        return
    fi

    (
        lock=$artifacts/build.lock.d
        until mkdir "$lock" 2> /dev/null; do
            holder=$(cat "$lock/pid" 2> /dev/null)
            if [ -n "$holder" ] && ! kill -0 "$holder" 2> /dev/null; then
                # Only one waiter wins the rename, so a lock taken meanwhile by another is never removed.
                mv "$lock" "$lock.stale.$BASHPID" 2> /dev/null && rm -rf "$lock.stale.$BASHPID"
            else
                sleep 0.2
            fi
        done
        trap 'rm -rf "$lock"' EXIT
        trap 'exit 130' INT TERM
        echo "$BASHPID" > "$lock/pid"
        "$@"
    )
}

build_command() {
    with_build_lock build_command_locked
}

build_command_locked() {
    # Another start may have built it while this one waited.
    is_current && return 0

    find_dotnet || return 1
    prepare_dotnet
    echo "osmia: building with $dotnet (once, until a source changes)" >&2
    rm -f "$stamp"

    # The stamp gets the time before the build: a source saved during the build is newer and builds again.
    printf '%s\n' "$dotnet" > "$stamp.new"
    local -a quietly=(--nologo -c Release -v quiet -tl:off --disable-build-servers)
    case $command in
        */publish/*) run_build publish "$root/src/Osmia.Cli/Osmia.Cli.csproj" -r linux-x64 "${quietly[@]}" ;;
        *) run_build build "$root/src/Osmia.Cli/Osmia.Cli.csproj" "${quietly[@]}" ;;
    esac || return 1

    mv "$stamp.new" "$stamp"
    echo "osmia: built in $SECONDS s" >&2
}

# Runs in the checkout, where global.json stands, and keeps standard output free.
run_build() {
    SECONDS=0
    if ! (CDPATH='' cd "$root" && exec "$dotnet" "$@" >&2 < /dev/null); then
        rm -f "$stamp.new"
        echo "osmia: the build failed; the errors are above" >&2
        return 1
    fi
}
