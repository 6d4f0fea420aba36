#compdef nns
# SPDX-License-Identifier: MIT
#
# Completion of nns(1) for zsh. A new option goes into the list of its commands.

_nns() {
  local -a common traced connect server listen proxy commands
  common=(
    '--mech[mechanism; NTLM is weak]:mechanism:(kerberos negotiate ntlm)'
    '--protection[level asked for and least accepted]:level:(encrypt sign none)'
    '--handshake-timeout[most time for the handshake]:time:(5s 10s 30s)'
    '--idle-timeout[end a connection that moves nothing]:time:(1m 10m 1h)'
    '--record-engine[what makes the records]:engine:(auto gss krb5)'
    '--nettcp[speak net.tcp, with this address]:URI:'
    '--json[one JSON object for each event]'
    '(-q --quiet)'{-v,--verbose}'[say more]'
    '(-v --verbose)'{-q,--quiet}'[say only what went wrong]'
    '(- *)'{-h,--help}'[show the options]'
  )
  traced=(
    '--trace[write what passes on the wire]:file:_files'
    '--trace-secrets[leave nothing out of the trace]'
  )
  connect=(
    '--target[whom to ask for]:SERVICE/HOST[@REALM]:'
    '--ccache[credential cache]:cache:_files'
    '--client-keytab[get the ticket with this key]:file:_files'
    '--user[log in with a password]:user:_users'
    '(--password-fd)--password-file[file with the password]:file:_files'
    '(--password-file)--password-fd[descriptor with the password]:descriptor:(0 3)'
    '--impersonation[what the server may do]:level:(identify impersonate delegate)'
    '--connect-timeout[most time for the connection]:time:(5s 10s 30s)'
  )
  server=(
    '--once[end with the first connection]'
    '(--allow-all)*--allow[let in this principal]:PRINCIPAL@REALM:'
    '(--allow)--allow-all[let in anybody who authenticates]'
    '--keytab[keys of the service]:file:_files'
    '--service[be only this principal of the keytab]:SERVICE/HOST:'
    '--max-connections[most connections at once]:number:'
    '--max-handshakes[most of them not yet authenticated]:number:'
    '--max-handshakes-per-source[the same from one address]:number:'
  )
  listen=(
    '(--exec)--echo[send back what comes]'
    '(--echo)--exec[run a command for each connection]:command:_cmdstring'
    '(--echo)--accept-delegation[give the command the ticket of the client]'
  )
  proxy=(
    '(--initiate --both)--terminate[Windows security with the clients]'
    '(--terminate --both)--initiate[Windows security with the service]'
    '(--terminate --initiate)--both[Windows security with either]'
    '--listen[where the clients come]:host and port:_hosts -S \:'
    '--connect[where the service is]:host and port:_hosts -S \:'
  )
  commands=(
    'connect:standard input to the peer, the peer to standard output'
    'listen:a server'
    'probe:the handshake alone, and what it negotiates'
    'decode:print what a trace recorded'
    'proxy:stand in front of a net.tcp service'
  )

  if ((CURRENT == 2)); then
    _describe -t commands command commands
    _arguments '(- *)'{-h,--help}'[show the options]' '(- *)--version[show the version]'
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
    connect) _arguments -s -S $common $traced $connect '--streamed[one envelope each way]' '1:host and port:_hosts -S :' ;;
    probe) _arguments -s -S $common $traced $connect '--adws[ask for Active Directory Web Services]' '1:host and port:_hosts -S :' ;;
    listen) _arguments -s -S $common $traced $server $listen '1:host and port:_hosts -S :' ;;
    decode) _arguments '(- *)'{-h,--help}'[show the options]' '1:trace:_files' ;;
    proxy) _arguments -s -S $common $traced $connect $server $proxy ;;
  esac
}

_nns "$@"
