# fish completion for plexctl
# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_plexctl_global_optspecs
    string join \n server= profile= token-file= output= yes reveal-secrets ca-file= h/help V/version
end

function __fish_plexctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_plexctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_plexctl_using_subcommand
    set -l cmd (__fish_plexctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c plexctl -n "__fish_plexctl_needs_command" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_needs_command" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_needs_command" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_needs_command" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_needs_command" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_needs_command" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_needs_command" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_needs_command" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "exec-log" -d 'Read the execution log'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "action" -d 'Dispatch actions and follow them'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "node" -d 'See and keep the fleet'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "capability" -d 'See what nodes can run'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "hook" -d 'See hooks and accept their digests'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "integrity" -d 'See what nodes found changed, and say why it is as it is'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "capacity" -d 'Show how full a domain is'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "project" -d 'Keep projects'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "domain" -d 'Keep domains'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "label" -d 'Define labels, put them on objects, and find objects by them'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "bootstrap-token" -d 'Keep the tokens that machines register with'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "token" -d 'Keep API tokens'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "rebac" -d 'Keep relations: who may do what'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "audit" -d 'Read and verify the audit chains'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "group" -d 'Keep groups of identities'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "login" -d 'Log in through a browser and keep the token in a profile'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "logout" -d 'Revoke the profile\'s token and forget it'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "whoami" -d 'Show who the server takes you for'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "profile" -d 'Keep stored profiles'
complete -c plexctl -n "__fish_plexctl_needs_command" -f -a "completion" -d 'Print a shell\'s completion script'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -f -a "list" -d 'List executions, newest first'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -f -a "get" -d 'Show one execution and each target\'s collected output'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and not __fish_seen_subcommand_from list get export" -f -a "export" -d 'Write the executions of a time range as NDJSON or Parquet, newest first'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l status -d 'Only executions with this aggregate status' -r -f -a "pending\t''
ack\t''
started\t''
succeeded\t''
failed\t''
cancelled\t''
timeout\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l action-name -d 'Only executions of this action' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l from -d 'Only executions dispatched at this time or later' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l to -d 'Only executions dispatched before this time' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l id -d 'The execution' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l node -d 'Only the target on this node' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l bytes -d 'Print one target\'s inline output and nothing else'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l raw -d 'Let every control sequence of an output through to a terminal'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from get" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l from -d 'Only executions dispatched at this time or later' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l to -d 'Only executions dispatched before this time' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l format -d 'An execution on each line, or a row for each target' -r -f -a "ndjson\t''
parquet\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l file -d 'Write to this file instead of stdout; it is there only once it is whole' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand exec-log; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -f -a "dispatch" -d 'Run a named action on one node or on a selector\'s nodes'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -f -a "list" -d 'List executions, newest first'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -f -a "get" -d 'Show one execution and how each target stands'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and not __fish_seen_subcommand_from dispatch list get output" -f -a "output" -d 'Fetch one target\'s output, from the archive where it is there'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l action -d 'The action\'s name' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l node -d 'Run it on this node' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l selector -d 'Run it on the nodes whose labels match' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l type -d 'Where the action comes from' -r -f -a "builtin\t''
hook\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l parameters -d 'Its parameters, a JSON object' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l parameters-file -d 'File that holds its parameters; - is stdin' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l timeout-seconds -d 'Seconds until the run times out; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from dispatch" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l status -d 'Only executions with this aggregate status' -r -f -a "pending\t''
ack\t''
started\t''
succeeded\t''
failed\t''
cancelled\t''
timeout\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l action-name -d 'Only executions of this action' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l from -d 'Only executions dispatched at this time or later' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l to -d 'Only executions dispatched before this time' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l id -d 'The execution' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from get" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l id -d 'The execution' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l node -d 'The target\'s node' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l file -d 'Write it to this file instead of stdout' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l raw -d 'Let every control sequence of an output through to a terminal'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand action; and __fish_seen_subcommand_from output" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -f -a "list" -d 'List nodes'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -f -a "get" -d 'Show one node'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -f -a "revoke" -d 'End a node\'s key and its membership in cohorts'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -f -a "rotate-key" -d 'Ask a node to change its key'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and not __fish_seen_subcommand_from list get revoke rotate-key label" -f -a "label" -d 'Set and remove a node\'s labels'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l project -d 'Only nodes of this project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l domain -d 'Only nodes of this domain' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l selector -d 'Only nodes whose labels match' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from get" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from rotate-key" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -f -a "set" -d 'Set labels'
complete -c plexctl -n "__fish_plexctl_using_subcommand node; and __fish_seen_subcommand_from label" -f -a "remove" -d 'Remove labels'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and not __fish_seen_subcommand_from list" -f -a "list" -d 'List the manifests of a project\'s nodes'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l node -d 'Only the manifest of this node' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l status -d 'Only manifests with this verdict: match, drift (something differs from its reference) or unknown' -r -f -a "match\t''
drift\t''
unknown\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand capability; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -f -a "list" -d 'List the script hooks of a project\'s nodes'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -f -a "catalogue" -d 'List the Kubernetes hooks that nodes discovered, against the images first catalogued for them'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and not __fish_seen_subcommand_from list catalogue accept" -f -a "accept" -d 'Pin the digest that a node declares now'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l node -d 'Only hooks of this node' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l domain -d 'Only hooks of this domain' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l project -d 'Only hooks of this project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l match -d 'Only hooks whose image is (true) or is not (false) the catalogued one' -r -f -a "true\t''
false\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from catalogue" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l node -d 'The node that declares the hook' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l name -d 'The hook\'s name' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l checksum -d 'The digest to pin: in base64, or sha256:HEX for a Kubernetes hook\'s image; without it the declared one is shown and asked about' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand hook; and __fish_seen_subcommand_from accept" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -f -a "list" -d 'List integrity violations, newest first'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and not __fish_seen_subcommand_from list acknowledge" -f -a "acknowledge" -d 'Say why a violation is as it is'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l domain -d 'Only violations of this domain' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l project -d 'Only violations of this project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l node -d 'Only violations that this node reported' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l kind -d 'Only violations of this kind' -r -f -a "binary\t''
hook\t''
host_key\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l status -d 'Only violations in this state' -r -f -a "open\t''
acknowledged\t''
resolved\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l reason -d 'Why it is as it is, for whoever reads it later' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand integrity; and __fish_seen_subcommand_from acknowledge" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -l domain -d 'The domain' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand capacity" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -f -a "list" -d 'List projects'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -f -a "get" -d 'Show one project'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -f -a "create" -d 'Make a project in a domain'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -f -a "update" -d 'Change a project'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -f -a "retention" -d 'See and say how long executions are kept'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and not __fish_seen_subcommand_from list get create update retention delete" -f -a "delete" -d 'Delete an empty project'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l domain -d 'Only projects of this domain' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from get" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l domain -d 'The domain it belongs to' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l slug -d 'Its handle, unique in the domain and never changed' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l name -d 'Its display name; the slug when absent' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l description -d 'What it is for' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l sub-range-cidr -d 'Part of the domain\'s mesh addresses to reserve' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from create" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l name -d 'Its display name' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l description -d 'What it is for; an empty text clears it' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l sub-range-cidr -d 'Part of the domain\'s mesh addresses to reserve' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l release-sub-range -d 'Give the reservation back; nodes keep their addresses'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from update" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -f -a "show" -d 'Show how long executions are kept'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from retention" -f -a "set" -d 'Say how long executions are kept; older ones go within an hour, with their outputs'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand project; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -f -a "list" -d 'List domains'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -f -a "get" -d 'Show one domain'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -f -a "create" -d 'Make a domain'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -f -a "update" -d 'Change a domain'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and not __fish_seen_subcommand_from list get create update delete" -f -a "delete" -d 'Delete an empty domain'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from get" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l slug -d 'Its handle, unique and never changed' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l name -d 'Its display name; the slug when absent' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l description -d 'What it is for' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l region -d 'Where its data belongs' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l mesh-cidr -d 'Its mesh addresses; the next free 10.n.0.0/16 when absent' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l heartbeat-interval -d 'How often nodes report, for example 30s; with the next two, or none of them' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l stale-after -d 'Silence after which a node is stale, at least three intervals' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l unreachable-after -d 'Silence after which it is unreachable, at least twice that' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from create" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l name -d 'Its display name' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l description -d 'What it is for; an empty text clears it' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l region -d 'Where its data belongs; an empty text is nowhere in particular' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l mesh-cidr -d 'Its mesh addresses; they must hold all that were given out' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l heartbeat-interval -d 'How often nodes report, for example 30s; with the next two, or none of them' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l stale-after -d 'Silence after which a node is stale, at least three intervals' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l unreachable-after -d 'Silence after which it is unreachable, at least twice that' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from update" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand domain; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -f -a "definition" -d 'Keep what labels there are and what values they take'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -f -a "list" -d 'List an object\'s labels'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -f -a "set" -d 'Set labels of an object'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -f -a "remove" -d 'Remove labels of an object'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -f -a "preview" -d 'Show what a selector means, or where it is wrong'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and not __fish_seen_subcommand_from definition list set remove preview search" -f -a "search" -d 'Find objects by their labels'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -f -a "list" -d 'List the definitions of a scope'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -f -a "get" -d 'Show one definition'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -f -a "create" -d 'Define a label'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -f -a "update" -d 'Change a definition'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from definition" -f -a "delete" -d 'Delete a definition'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l effective -d 'List the labels in effect: with those that a node has from its project, and defaults'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -l json -d 'Read the values as JSON, for numbers and booleans'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from preview" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l selector -d 'Objects whose labels match' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l relation -d 'What you must hold on each: read, manage, or any relation or permission by its name' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l scope -d 'Where to look: platform, or objects that have a label defined in domain:UUID or project:UUID' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l kind -d 'Only objects of this kind' -r -f -a "node\t''
project\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand label; and __fish_seen_subcommand_from search" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -f -a "issue" -d 'Issue a bootstrap token and print it, this once'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -f -a "list" -d 'List a project\'s bootstrap tokens'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and not __fish_seen_subcommand_from issue list revoke" -f -a "revoke" -d 'Revoke a bootstrap token'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l kind -d 'Who redeems it' -r -f -a "node\t''
bridge\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l env-prefix -d 'A segment of its text' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l ttl-seconds -d 'Seconds in which it can be redeemed, 300 to 86400' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l max-uses -d 'How often it can be redeemed; once when absent' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l label -d 'Label that a node gets when it redeems it; can be given again' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from issue" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l project -d 'Owning project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand bootstrap-token; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -f -a "issue" -d 'Issue an API token and print it, this once'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -f -a "list" -d 'List your API tokens'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -f -a "rotate" -d 'Replace the secret of one of your API tokens and print it, this once'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and not __fish_seen_subcommand_from issue list rotate revoke" -f -a "revoke" -d 'Revoke one of your API tokens'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l user -d 'Issue it for this user; for yourself when neither is given' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l service -d 'Issue it for this service' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l env-prefix -d 'A segment of its text' -r -f -a "dev\t''
stage\t''
prod\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l ttl-seconds -d 'Seconds it lives; the server\'s default when absent' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from issue" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -f -a "check" -d 'Ask whether somebody may; exit code 77 when not'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -f -a "tuple" -d 'Grant, list, change and take back relations'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -f -a "lookup-resources" -d 'Ask on which objects somebody may'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and not __fish_seen_subcommand_from check tuple lookup-resources lookup-subjects" -f -a "lookup-subjects" -d 'Ask who may'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l subject -d 'Who, for example user:UUID' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l relation -d 'What, a relation or a permission such as viewer or dispatch' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l resource -d 'On what, for example project:UUID' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l caveat-context -d 'Values for conditions, a JSON object' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -f -a "add" -d 'Grant a relation'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -f -a "list" -d 'List the relations granted in a project'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -f -a "update" -d 'Put another relation in the place of one'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from tuple" -f -a "delete" -d 'Take a granted relation back'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l subject -d 'Who, for example user:UUID' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l relation -d 'What, a relation or a permission such as viewer or dispatch' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l type -d 'On which type of object, for example project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l caveat-context -d 'Values for conditions, a JSON object' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-resources" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l type -d 'Which type of subject, for example user' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l relation -d 'What, a relation or a permission such as viewer or dispatch' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l resource -d 'On what, for example project:UUID' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l caveat-context -d 'Values for conditions, a JSON object' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand rebac; and __fish_seen_subcommand_from lookup-subjects" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -f -a "list" -d 'List entries in the chain\'s order'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -f -a "get" -d 'Show one entry, and check its proof here'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -f -a "verify" -d 'Check that a chain, or an exported part of one, is what it was'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -f -a "export" -d 'Write a chain as lines of JSON, to be verified elsewhere'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and not __fish_seen_subcommand_from list get verify export erase" -f -a "erase" -d 'Erase an identity: its name, its relations, its tokens; for good'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l domain -d 'The domain whose chain it is' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l subject -d 'Only by the identity with this pseudonym' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l relation -d 'Only this relation or permission, for example dispatch' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l object-type -d 'Only on objects of this type, for example project' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l object-id -d 'Only on this object' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l reason -d 'Only decided so' -r -f -a "granted\t''
out_of_scope\t''
insufficient_relation\t''
caveat_violation\t''
unknown\t''"
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l from -d 'Not before this time' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l to -d 'Not after this time' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l correlation-id -d 'Only of the request whose answer had this correlation id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l platform -d 'The platform\'s chain'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l domain -d 'The domain whose chain it is' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l platform -d 'The platform\'s chain'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from get" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l domain -d 'The domain whose chain it is' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l offline -d 'An exported file, or - for stdin; needs neither server nor credential' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l from-seq -d 'Begin with this entry; a file must begin with it' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l to-seq -d 'End with this entry; a file must end with it' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l last-hash -d 'The hash that the last entry must have, as a verification of before told it' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l platform -d 'The platform\'s chain'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l domain -d 'The domain whose chain it is' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l from-seq -d 'Begin with this entry' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l to-seq -d 'End with this entry' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l file -d 'Write to this file instead of stdout; it is there only once it is whole' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l platform -d 'The platform\'s chain'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand audit; and __fish_seen_subcommand_from erase" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -f -a "list" -d 'List groups'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -f -a "get" -d 'Show one group'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -f -a "create" -d 'Make a group'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -f -a "delete" -d 'End a group, its memberships, and all that it was granted'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and not __fish_seen_subcommand_from list get create delete member" -f -a "member" -d 'Keep a group\'s members'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l domain -d 'Only those of this domain' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from get" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l slug -d 'Its handle, unique where it is and never changed' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l domain -d 'Whose it is; the platform\'s when absent' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l name -d 'Its display name; the slug when absent' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from create" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l id -d 'Its id' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -f -a "add" -d 'Make somebody a member'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -f -a "list" -d 'List the members'
complete -c plexctl -n "__fish_plexctl_using_subcommand group; and __fish_seen_subcommand_from member" -f -a "remove" -d 'End a membership'
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -l no-browser -d 'Do not open a browser'
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand login" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand logout" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand whoami" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -f -a "list" -d 'List stored profiles'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -f -a "use" -d 'Make a profile the default one'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -f -a "add" -d 'Store a profile'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and not __fish_seen_subcommand_from list use add remove" -f -a "remove" -d 'Forget a profile'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l cursor -d 'Start where the page before ended: its next_cursor' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l limit -d 'Show at most this many items on a page; 0 leaves it to the server' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l all -d 'Follow next_cursor to the end'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from use" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -l server -d 'Control plane to talk to [env: PLEXSPHERE_URL]' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -l profile -d 'Stored profile to use instead of the default one' -r
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -l token-file -d 'File that holds the bearer token, readable by its owner alone [env: PLEXSPHERE_TOKEN, the token itself]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -l output -d 'How to print the result' -r -f -a "text\t'For people'
json\t'The document as the API gave it'
yaml\t'The same document as YAML'"
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -l ca-file -d 'Extra CA certificate to trust, in PEM [env: PLEXSPHERE_CA_FILE]' -r -F
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -l yes -d 'Answer yes to a destructive command\'s question'
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -l reveal-secrets -d 'Print unmasked a secret that a reading command shows'
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c plexctl -n "__fish_plexctl_using_subcommand completion" -s V -l version -d 'Print version'
