# SPDX-License-Identifier: MIT
#
# Completion of nns(1) for fish. A new option is one line in the part of its command.

set -l commands connect listen probe decode proxy

complete -c nns -f
complete -c nns -n "not __fish_seen_subcommand_from $commands" -a connect -d 'Talk to a server'
complete -c nns -n "not __fish_seen_subcommand_from $commands" -a listen -d 'Be a server'
complete -c nns -n "not __fish_seen_subcommand_from $commands" -a probe -d 'Show what a server negotiates'
complete -c nns -n "not __fish_seen_subcommand_from $commands" -a decode -d 'Print a trace'
complete -c nns -n "not __fish_seen_subcommand_from $commands" -a proxy -d 'Stand in front of a net.tcp service'
complete -c nns -s h -l help -d 'Show the options'
complete -c nns -n "not __fish_seen_subcommand_from $commands" -l version -d 'Show the version'

set -l common '__fish_seen_subcommand_from connect listen probe proxy'
complete -c nns -n $common -l mech -x -a 'kerberos negotiate ntlm' -d 'Mechanism; NTLM is weak'
complete -c nns -n $common -l protection -x -a 'encrypt sign none' -d 'Level asked for and least accepted'
complete -c nns -n $common -l handshake-timeout -x -a '5s 10s 30s' -d 'Most time for the handshake'
complete -c nns -n $common -l idle-timeout -x -a '1m 10m 1h' -d 'End a connection that moves nothing'
complete -c nns -n $common -l record-engine -x -a 'auto gss krb5' -d 'What makes the records'
complete -c nns -n $common -l trace -r -F -d 'Write what passes on the wire'
complete -c nns -n $common -l trace-secrets -d 'Leave nothing out of the trace'
complete -c nns -n $common -l nettcp -x -d 'Speak net.tcp, with this address'
complete -c nns -n $common -l json -d 'One JSON object for each event'
complete -c nns -n $common -s v -l verbose -d 'Say more'
complete -c nns -n $common -s q -l quiet -d 'Say only what went wrong'

complete -c nns -n '__fish_seen_subcommand_from connect probe' -a '(__fish_print_hostnames):' -d 'Host and port'
complete -c nns -n '__fish_seen_subcommand_from connect' -l streamed -d 'One envelope each way'
complete -c nns -n '__fish_seen_subcommand_from probe' -l adws -d 'Ask for Active Directory Web Services'

set -l connect '__fish_seen_subcommand_from connect probe proxy'
complete -c nns -n $connect -l target -x -d 'Whom to ask for'
complete -c nns -n $connect -l ccache -r -F -d 'Credential cache'
complete -c nns -n $connect -l client-keytab -r -F -d 'Get the ticket with this key'
complete -c nns -n $connect -l user -x -a '(__fish_complete_users)' -d 'Log in with a password'
complete -c nns -n $connect -l password-file -r -F -d 'File with the password'
complete -c nns -n $connect -l password-fd -x -a '0 3' -d 'Descriptor with the password'
complete -c nns -n $connect -l impersonation -x -a 'identify impersonate delegate' -d 'What the server may do'
complete -c nns -n $connect -l connect-timeout -x -a '5s 10s 30s' -d 'Most time for the connection'

set -l listen '__fish_seen_subcommand_from listen'
complete -c nns -n $listen -l echo -d 'Send back what comes'
complete -c nns -n $listen -l exec -x -a '(__fish_complete_command)' -d 'Run a command for each connection'
complete -c nns -n $listen -l accept-delegation -d 'Give the command the ticket of the client'

set -l server '__fish_seen_subcommand_from listen proxy'
complete -c nns -n $server -l once -d 'End with the first connection'
complete -c nns -n $server -l allow -x -d 'Let in this principal'
complete -c nns -n $server -l allow-all -d 'Let in anybody who authenticates'
complete -c nns -n $server -l keytab -r -F -d 'Keys of the service'
complete -c nns -n $server -l service -x -d 'Be only this principal of the keytab'
complete -c nns -n $server -l max-connections -x -d 'Most connections at once'
complete -c nns -n $server -l max-handshakes -x -d 'Most of them not yet authenticated'
complete -c nns -n $server -l max-handshakes-per-source -x -d 'The same from one address'

set -l proxy '__fish_seen_subcommand_from proxy'
complete -c nns -n $proxy -l terminate -d 'Windows security with the clients'
complete -c nns -n $proxy -l initiate -d 'Windows security with the service'
complete -c nns -n $proxy -l both -d 'Windows security with either'
complete -c nns -n $proxy -l listen -x -d 'Where the clients come'
complete -c nns -n $proxy -l connect -x -a '(__fish_print_hostnames):' -d 'Where the service is'

complete -c nns -n '__fish_seen_subcommand_from decode' -F -d 'Trace'
