# Completion of zonectl for bash. Written by zonectl generate completions.
_zonectl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local verb='' words='' flags='' files=no i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${verb:+$verb }${COMP_WORDS[i]}" in
        "import" | "serve" | "diff" | "shadow" | "status" | "health" | "reload" | "stop" | "zone" | "record" | "meta" | "comment" | "change" | "store" | "export" | "config" | "generate" | "help" | "diff list" | "diff show" | "diff explain" | "diff replay" | "diff accept" | "diff minimise" | "diff report" | "zone create" | "zone delete" | "zone set" | "zone history" | "zone revert" | "zone list" | "zone show" | "zone export" | "zone check" | "zone print" | "zone compile" | "record add" | "record set" | "record rm" | "meta set" | "meta add" | "meta rm" | "comment set" | "comment rm" | "store create" | "store check" | "store stats" | "config check" | "config show" | "generate man" | "generate completions")
            verb="${verb:+$verb }${COMP_WORDS[i]}" ;;
        esac
    done
    case "$verb" in
    '')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='import serve diff shadow status health reload stop zone record meta comment change store export config generate help' flags='--help --config --color --json --version' files=no
        ;;
    'import')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --from) COMPREPLY=(); return ;;
        --database) COMPREPLY=(); return ;;
        --schema) COMPREPLY=(); return ;;
        --zone) COMPREPLY=(); return ;;
        --zone-list) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --catalog) COMPREPLY=(); return ;;
        --tsig-key) COMPREPLY=(); return ;;
        --tsig-key-file) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --connections) COMPREPLY=(); return ;;
        --timeout) COMPREPLY=(); return ;;
        --transfer-timeout) COMPREPLY=(); return ;;
        --report) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --max-removed) COMPREPLY=(); return ;;
        --prefer) COMPREPLY=($(compgen -W 'source store' -- "$cur")); return ;;
        --default-ttl) COMPREPLY=(); return ;;
        --threads) COMPREPLY=(); return ;;
        --memory-octets-max) COMPREPLY=(); return ;;
        --temporary-directory) COMPREPLY=($(compgen -d -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --from --database --schema --zone --zone-list --catalog --tsig-key --tsig-key-file --connections --timeout --transfer-timeout --as-secondary --from-powerdns --retransfer --report --dry-run --repair --prune --max-removed --prefer --serve-unsigned --default-ttl --threads --memory-octets-max --temporary-directory --config --color --json --version' files=no
        ;;
    'serve')
        case "$prev" in
        --zones) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --load-threads) COMPREPLY=(); return ;;
        --default-ttl) COMPREPLY=(); return ;;
        --listen) COMPREPLY=(); return ;;
        --workers) COMPREPLY=(); return ;;
        --receive-buffer) COMPREPLY=(); return ;;
        --send-buffer) COMPREPLY=(); return ;;
        --proxy-from) COMPREPLY=(); return ;;
        --udp-octets-max) COMPREPLY=(); return ;;
        --nsid) COMPREPLY=(); return ;;
        --version-string) COMPREPLY=(); return ;;
        --server-id) COMPREPLY=(); return ;;
        --cookie-secret-file) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --tcp-connections) COMPREPLY=(); return ;;
        --tcp-connections-per-prefix) COMPREPLY=(); return ;;
        --tcp-idle) COMPREPLY=(); return ;;
        --tcp-lifetime) COMPREPLY=(); return ;;
        --tcp-write-stall) COMPREPLY=(); return ;;
        --tcp-queries) COMPREPLY=(); return ;;
        --tcp-output) COMPREPLY=(); return ;;
        --tcp-memory) COMPREPLY=(); return ;;
        --rrl) COMPREPLY=($(compgen -W 'off log on' -- "$cur")); return ;;
        --rrl-rate) COMPREPLY=(); return ;;
        --rrl-all-rate) COMPREPLY=(); return ;;
        --rrl-burst) COMPREPLY=(); return ;;
        --rrl-slip) COMPREPLY=(); return ;;
        --rrl-ipv4) COMPREPLY=(); return ;;
        --rrl-ipv6) COMPREPLY=(); return ;;
        --rrl-entries) COMPREPLY=(); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --metrics) COMPREPLY=(); return ;;
        --metric-names) COMPREPLY=($(compgen -W 'zonectl both' -- "$cur")); return ;;
        --log-level) COMPREPLY=($(compgen -W 'error warning info debug' -- "$cur")); return ;;
        --log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
        --user) COMPREPLY=(); return ;;
        --group) COMPREPLY=(); return ;;
        --drain) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --zones --store --strict --progressive --load-threads --default-ttl --listen --workers --pin --receive-buffer --send-buffer --proxy-from --udp-octets-max --nsid --version-string --server-id --cookies --no-cookies --cookie-secret-file --tcp-connections --tcp-connections-per-prefix --tcp-idle --tcp-lifetime --tcp-write-stall --tcp-queries --tcp-output --tcp-memory --rrl --rrl-rate --rrl-all-rate --rrl-burst --rrl-slip --rrl-ipv4 --rrl-ipv6 --rrl-entries --control --metrics --metric-names --log-level --log-format --user --group --drain --config --color --json --version' files=no
        ;;
    'diff')
        case "$prev" in
        --old) COMPREPLY=(); return ;;
        --new) COMPREPLY=(); return ;;
        --referee) COMPREPLY=(); return ;;
        --zone-data) COMPREPLY=(); return ;;
        --from-zones) COMPREPLY=(); return ;;
        --dnstap) COMPREPLY=(); return ;;
        --interface) COMPREPLY=(); return ;;
        --capture-port) COMPREPLY=(); return ;;
        --limit) COMPREPLY=(); return ;;
        --without) COMPREPLY=(); return ;;
        --ttl-tolerance) COMPREPLY=(); return ;;
        --serial-lag) COMPREPLY=(); return ;;
        --lag) COMPREPLY=(); return ;;
        --recheck) COMPREPLY=(); return ;;
        --rate) COMPREPLY=(); return ;;
        --pace) COMPREPLY=($(compgen -W 'rate recorded' -- "$cur")); return ;;
        --window) COMPREPLY=(); return ;;
        --workers) COMPREPLY=(); return ;;
        --answer-timeout) COMPREPLY=(); return ;;
        --sends) COMPREPLY=(); return ;;
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --max-unexplained) COMPREPLY=(); return ;;
        --require-clean) COMPREPLY=(); return ;;
        --report) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='list show explain replay accept minimise report' flags='--help --old --new --referee --zone-data --from-zones --dnstap --interface --capture-port --edns --do --limit --strict --without --ttl-tolerance --serial-lag --lag --recheck --rate --pace --window --workers --answer-timeout --sends --results --max-unexplained --require-clean --report --resume --fresh --config --color --json --version' files=yes
        ;;
    'shadow')
        case "$prev" in
        --listen) COMPREPLY=(); return ;;
        --old) COMPREPLY=(); return ;;
        --new) COMPREPLY=(); return ;;
        --zone-data) COMPREPLY=(); return ;;
        --proxy-to) COMPREPLY=($(compgen -W 'none old new both' -- "$cur")); return ;;
        --without) COMPREPLY=(); return ;;
        --ttl-tolerance) COMPREPLY=(); return ;;
        --serial-lag) COMPREPLY=(); return ;;
        --lag) COMPREPLY=(); return ;;
        --one-in) COMPREPLY=(); return ;;
        --workers) COMPREPLY=(); return ;;
        --in-flight) COMPREPLY=(); return ;;
        --answer-timeout) COMPREPLY=(); return ;;
        --tcp-clients) COMPREPLY=(); return ;;
        --tcp-idle) COMPREPLY=(); return ;;
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --max-unexplained) COMPREPLY=(); return ;;
        --require-clean) COMPREPLY=(); return ;;
        --report) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --listen --old --new --zone-data --proxy-to --strict --without --ttl-tolerance --serial-lag --lag --one-in --workers --in-flight --answer-timeout --tcp-clients --tcp-idle --results --max-unexplained --require-clean --report --config --color --json --version' files=no
        ;;
    'status')
        case "$prev" in
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --control --timeout --config --color --json --version' files=no
        ;;
    'health')
        case "$prev" in
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --max-not-served) COMPREPLY=($(compgen -W 'N N%' -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --control --timeout --max-not-served --config --color --json --version' files=no
        ;;
    'reload')
        case "$prev" in
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --control --timeout --config --color --json --version' files=no
        ;;
    'stop')
        case "$prev" in
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --control --timeout --config --color --json --version' files=no
        ;;
    'zone')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='create delete set history revert list show export check print compile' flags='--help --config --color --json --version' files=no
        ;;
    'record')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='add set rm' flags='--help --config --color --json --version' files=no
        ;;
    'meta')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='set add rm' flags='--help --config --color --json --version' files=no
        ;;
    'comment')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='set rm' flags='--help --config --color --json --version' files=no
        ;;
    'change')
        case "$prev" in
        --file | -f) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --file -f --each --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'store')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='create check stats' flags='--help --config --color --json --version' files=no
        ;;
    'export')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --to) COMPREPLY=($(compgen -W 'powerdns zone-files' -- "$cur")); return ;;
        --output | -o) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --to --output -o --serve-unsigned --config --color --json --version' files=no
        ;;
    'config')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='check show' flags='--help --config --color --json --version' files=no
        ;;
    'generate')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='man completions' flags='--help --config --color --json --version' files=no
        ;;
    'help')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --config --color --json --version' files=no
        ;;
    'diff list')
        case "$prev" in
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --run) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --results --run --unexplained --config --color --json --version' files=no
        ;;
    'diff show')
        case "$prev" in
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --samples) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --results --samples --config --color --json --version' files=no
        ;;
    'diff explain')
        case "$prev" in
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --sample) COMPREPLY=(); return ;;
        --zone-data) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --results --sample --zone-data --config --color --json --version' files=no
        ;;
    'diff replay')
        case "$prev" in
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --sample) COMPREPLY=(); return ;;
        --old) COMPREPLY=(); return ;;
        --new) COMPREPLY=(); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --results --sample --old --new --timeout --config --color --json --version' files=no
        ;;
    'diff accept')
        case "$prev" in
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --because) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --results --because --undo --config --color --json --version' files=no
        ;;
    'diff minimise')
        case "$prev" in
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --sample) COMPREPLY=(); return ;;
        --zone-data) COMPREPLY=(); return ;;
        --trials) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --results --sample --zone-data --trials --config --color --json --version' files=no
        ;;
    'diff report')
        case "$prev" in
        --results) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --results --config --color --json --version' files=yes
        ;;
    'zone create')
        case "$prev" in
        --ns) COMPREPLY=(); return ;;
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --ns --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'zone delete')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'zone set')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'zone history')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --limit) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --limit --config --color --json --version' files=no
        ;;
    'zone revert')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'zone list')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --config --color --json --version' files=no
        ;;
    'zone show')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --config --color --json --version' files=no
        ;;
    'zone export')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --serve-unsigned --config --color --json --version' files=no
        ;;
    'zone check')
        case "$prev" in
        --default-ttl) COMPREPLY=(); return ;;
        --origin) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --default-ttl --origin --strict --config --color --json --version' files=yes
        ;;
    'zone print')
        case "$prev" in
        --default-ttl) COMPREPLY=(); return ;;
        --origin) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --default-ttl --origin --config --color --json --version' files=yes
        ;;
    'zone compile')
        case "$prev" in
        --default-ttl) COMPREPLY=(); return ;;
        --origin) COMPREPLY=(); return ;;
        --output | -o) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --default-ttl --origin --output -o --config --color --json --version' files=yes
        ;;
    'record add')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'record set')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'record rm')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'meta set')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'meta add')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'meta rm')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'comment set')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'comment rm')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --control) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --timeout) COMPREPLY=(); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --control --timeout --dry-run --config --color --json --version' files=no
        ;;
    'store create')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --config --color --json --version' files=yes
        ;;
    'store check')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --config --color --json --version' files=no
        ;;
    'store stats')
        case "$prev" in
        --store) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --store --config --color --json --version' files=no
        ;;
    'config check')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --config --color --json --version' files=no
        ;;
    'config show')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --config --color --json --version' files=no
        ;;
    'generate man')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --config --color --json --version' files=no
        ;;
    'generate completions')
        case "$prev" in
        --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
        esac
        words='' flags='--help --config --color --json --version' files=no
        ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    else
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
        [[ $files == yes ]] && COMPREPLY+=($(compgen -f -- "$cur"))
    fi
}
complete -o filenames -F _zonectl zonectl
