# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of nns(1) for bash. A new option goes into the list of its commands and, where its
# values are known, into _nns_value.

_nns_common='--protection --mech --handshake-timeout --idle-timeout --record-engine --nettcp
    --json --verbose --quiet --help'
_nns_trace='--trace --trace-secrets'
_nns_connect='--target --ccache --client-keytab --user --password-file --password-fd
    --impersonation --connect-timeout'
_nns_server='--once --allow --allow-all --keytab --service --max-connections --max-handshakes
    --max-handshakes-per-source'
_nns_listen='--echo --exec --accept-delegation'
_nns_proxy='--terminate --initiate --both --listen --connect'

_nns_files()
{
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# The values of the option $1, for what was typed, $2.
_nns_value()
{
    local IFS=$'\n' words=''

    case $1 in
    --mech) words=$'kerberos\nnegotiate\nntlm' ;;
    --protection) words=$'encrypt\nsign\nnone' ;;
    --record-engine) words=$'auto\ngss\nkrb5' ;;
    --impersonation) words=$'identify\nimpersonate\ndelegate' ;;
    --password-file | --ccache | --keytab | --client-keytab | --trace)
        _nns_files "$2"
        return ;;
    --exec)
        mapfile -t COMPREPLY < <(compgen -c -- "$2")
        return ;;
    --user) words=$(compgen -u) ;;
    --connect-timeout | --handshake-timeout) words=$'5s\n10s\n30s' ;;
    --idle-timeout) words=$'1m\n10m\n1h' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2")
}

# Whether the option takes no value.
_nns_is_flag()
{
    case $1 in
    --terminate | --initiate | --both | --streamed | --adws) return 0 ;;
    --echo | --accept-delegation | --once | --allow-all | --trace-secrets | --json) return 0 ;;
    --verbose | --quiet | --help | --version) return 0 ;;
    esac
    return 1
}

_nns()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} options=''

    COMPREPLY=()
    # "--option=value" comes as three words.
    if [[ $word == = ]]; then
        word=''
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [[ $before == --* && $COMP_CWORD -gt 1 ]] && ! _nns_is_flag "$before"; then
        _nns_value "$before" "$word"
        return
    fi
    if ((COMP_CWORD == 1)); then
        options='connect listen probe decode proxy --help --version'
    else
        case $command in
        connect) options="$_nns_common $_nns_trace $_nns_connect --streamed" ;;
        probe) options="$_nns_common $_nns_trace $_nns_connect --adws" ;;
        listen) options="$_nns_common $_nns_trace $_nns_server $_nns_listen" ;;
        proxy) options="$_nns_common $_nns_trace $_nns_connect $_nns_server $_nns_proxy" ;;
        decode)
            [[ $word == -* ]] || { _nns_files "$word" && return; }
            options='--help' ;;
        esac
        if [[ $command == decode && $word != -* ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
        elif [[ $word != -* ]]; then # an address
            compopt -o nospace 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -A hostname -S : -- "$word")
            return
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}

complete -F _nns nns
