# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What run, test and tour share. Sourced by bash.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export TOP

say() { printf '%s\n' "$*" >&2; }

# Runs something as root: as it is, or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        say "This takes root, and there is no sudo: $*"
        return 1
    fi
}

# Those marked ?WHAT are for find_cargo alone.
listed_packages() { sed -e 's/#.*//' -e '/?cargo$/d' -e 's/[[:space:]].*//' -e '/^$/d' "$TOP/tools/packages.list"; }

missing_packages() {
    local package
    listed_packages | while read -r package; do
        dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || echo "$package"
    done
}

# Tells what is missing, then installs it.
install_packages() {
    local missing
    missing=$(missing_packages)
    [ -z "$missing" ] && return 0
    say "These packages are needed and will be installed:"
    say "  $(echo "$missing" | tr '\n' ' ')"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2
}

new_enough() {
    local version
    version=$("$1" --version 2>/dev/null | cut -d' ' -f2) || return 1
    [ -n "$version" ] && [ "$(printf '%s\n1.83.0\n' "$version" | sort -V | head -n1)" = 1.83.0 ]
}

# A cargo of 1.83 or newer on PATH, else Debian's.
find_cargo() {
    [ -d "$HOME/.cargo/bin" ] && PATH=$PATH:$HOME/.cargo/bin
    export PATH
    new_enough cargo && return 0
    local packages
    packages=$(sed -n 's/[[:space:]]*?cargo$//p' "$TOP/tools/packages.list" | xargs)
    say "No cargo of 1.83 or newer: these packages will be installed:"
    say "  $packages"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages >&2
    new_enough cargo || { say "cargo is still older than 1.83; install a newer one."; return 1; }
}

# build OPTION...: builds, and shows what cargo shows; nothing where nothing is to build.
build() {
    local line said='' colour=never
    [ ! -t 2 ] || colour=always
    CARGO_TERM_COLOR=$colour cargo build --locked "$@" 2>&1 >/dev/null | while IFS= read -r line; do
        case $line in
            *Finished*profile*) [ -z "$said" ] || say "$line" ;;
            *)
                [ -n "$said" ] || say "Building (the first time takes a few minutes)…"
                said=yes
                say "$line"
                ;;
        esac
    done
}

# tell_of_another_window PROGRAM: a window that is open is the one that comes to
# the front, even if PROGRAM was built since.
tell_of_another_window() {
    local pid
    # Who has the name on this session's bus; "(uint32 123,)".
    pid=$(gdbus call --session -d org.freedesktop.DBus -o / \
        -m org.freedesktop.DBus.GetConnectionUnixProcessID org.terrarium.Terrarium 2>/dev/null | grep -o '[0-9]*,' | tr -d ,) || return 0
    if [ -e "/proc/$pid/exe" ] && ! [ "/proc/$pid/exe" -ef "$1" ]; then
        say "A window of another build of Terrarium is open (process $pid) and comes to the front instead of"
        say "this one. Quit it (Ctrl+Q) and run this again; its sandboxes go on."
    fi
}

GROUP_MEANS="Being in the group libvirt equals being root on this computer."

# Asks whether to join the group; no answer and no terminal mean no.
ask_for_group() {
    [ "$(id -u)" = 0 ] && return 0
    id -nG | tr ' ' '\n' | grep -qx libvirt && return 0
    say "$GROUP_MEANS"
    say "Containers need it. Virtual machines work without any group (qemu:///session)."
    [ -t 0 ] || return 0
    printf 'Add %s to the group libvirt? [y/N] ' "$(id -un)" >&2
    read -r answer || answer=
    case $answer in
        y | Y | yes) sudo usermod -aG libvirt "$(id -un)" && say "Log in again for it to count." ;;
        *) say "Not added." ;;
    esac
}
