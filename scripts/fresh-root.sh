# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A bare Debian 12 below a temporary folder, for scripts that try something there; they source this
# file from the top of the repository:
#
#   fresh_root_make [MIRROR]      makes it, as $fresh_root; without a mirror the machine's own is used
#   fresh_root_run COMMAND...     runs a command there, in the folder /libnns
#
# It is removed when the script ends. Needs root, debootstrap and a Debian mirror.

readonly fresh_root_suite=bookworm
fresh_root=
fresh_root_top=

fresh_root_die()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

fresh_root_mirror()
{
    # shellcheck disable=SC2016 # for apt-get to expand
    apt-get indextargets --format '$(SITE) $(RELEASE)' 'Identifier: Packages' 2>/dev/null |
        awk -v suite="$fresh_root_suite" '$2 == suite { print $1; exit }'
}

# What is mounted in here and who is started in here ends with it: nothing of the root is still in
# use when it is removed.
fresh_root_isolated()
{
    unshare --mount --pid --fork --kill-child --propagation private "$@"
}

fresh_root_remove()
{
    rm -rf --one-file-system -- "$fresh_root_top"
}

fresh_root_make()
{
    local mirror log

    ((EUID == 0)) || fresh_root_die 'run as root'
    command -v debootstrap >/dev/null || fresh_root_die 'debootstrap is missing'
    mirror=${1:-$(fresh_root_mirror)}
    [[ -n $mirror ]] ||
        fresh_root_die "no mirror of $fresh_root_suite in this machine's apt sources: give one"

    fresh_root_top=$(mktemp -d "${TMPDIR:-/tmp}/nns-fresh-root.XXXXXX")
    fresh_root=$fresh_root_top/root
    log=$fresh_root_top/debootstrap.log
    trap fresh_root_remove EXIT
    mkdir "$fresh_root"
    printf '%s: making a %s root\n' "${0##*/}" "$fresh_root_suite"
    fresh_root_isolated debootstrap --variant=minbase --include=ca-certificates,git \
        "$fresh_root_suite" "$fresh_root" "$mirror" >"$log" ||
        { tail -n 20 "$log" >&2 && fresh_root_die 'debootstrap failed'; }
    # A proxy and the like, as this machine needs it. The network is shared anyway.
    apt-config dump | grep -E '^Acquire::(https?::|Check-|Retries|ForceIP)' \
        >"$fresh_root/etc/apt/apt.conf.d/99host" || true
    cp -L /etc/resolv.conf /etc/hosts "$fresh_root/etc/"
    mkdir "$fresh_root/libnns"
}

fresh_root_run()
{
    # shellcheck disable=SC2016 # expanded inside
    fresh_root_isolated bash -euc '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" \
            sh -euc "cd /libnns && exec \"\$@\"" run "$@"
    ' run "$fresh_root" "$@" </dev/null
}
