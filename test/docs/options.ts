/**
 * Calls of options that no page runs: together with the pages' blocks they are every option of every command. Words in
 * capitals stand for what the test puts there: SERVER and PORT a FalkorDB that asks for the password in SECRET, CA a
 * certificate, BACKUP the newest backup, CLOSED a port where nobody listens.
 */
export interface Call {
  readonly args: ReadonlyArray<string>
  /** The exit code. */
  readonly exit: number
}

const call = (exit: number, line: string): Call => ({ exit, args: line.split(" ") })

export const CALLS: ReadonlyArray<Call> = [
  // A server by its parts, as source, as target, and as the one store.
  call(
    0,
    "migrate memory.db --to falkordb --to-host SERVER --to-port PORT --to-password-file SECRET --to-graph g --to-tls off --yes --quiet"
  ),
  call(
    0,
    "verify --from falkordb --from-host SERVER --from-port PORT --from-password-file SECRET --from-graph g --from-tls off --to sqlite --to-path memory.db --limit 3"
  ),
  call(
    0,
    "migrate --from falkordb --from-host SERVER --from-port PORT --from-user default --from-password-file SECRET --from-graph g --to sqlite --to-path back.db --to-layout seed --yes --progress none"
  ),
  call(
    0,
    "export --from falkordb --from-uri falkordb://SERVER:PORT --from-user default --from-password-file SECRET --from-graph g --output g.json --verbose"
  ),
  call(
    0,
    "import g.json --to falkordb --to-uri falkordb://SERVER:PORT --to-user default --to-password-file SECRET --to-graph h --to-tls off --yes --no-verify"
  ),
  call(
    0,
    "health --backend falkordb --host SERVER --port PORT --user default --password-file SECRET --graph g --tls off --quiet"
  ),
  call(
    0,
    "backup create --backend falkordb --uri falkordb://SERVER:PORT --user default --password-file SECRET --graph g --tls off --progress plain --output kept"
  ),
  // Options of Bolt servers and of certificates: as far as the connection.
  call(
    3,
    "migrate --from neo4j --from-uri bolt://CLOSED --from-database d --from-tls verify --from-ca-file CA --to memgraph --to-uri bolt://CLOSED --to-database d --yes"
  ),
  call(
    3,
    "migrate memory.db --to neo4j --to-host 127.0.0.1 --to-port 1 --to-user u --to-database d --to-tls verify --to-ca-file CA --to-password-file SECRET --yes"
  ),
  call(
    3,
    "verify memory.db --to neo4j --to-uri bolt://CLOSED --to-user u --to-database d --to-tls trust --to-password-file SECRET"
  ),
  call(3, "verify memory.db --to memgraph --to-host 127.0.0.1 --to-port 1 --to-tls verify --to-ca-file CA"),
  call(3, "verify memory.db --to falkordb --to-host 127.0.0.1 --to-port 1 --to-graph g --from-layout seed"),
  call(
    3,
    "verify --from neo4j --from-uri bolt://CLOSED --from-user u --from-database d --from-tls verify --from-ca-file CA --from-password-file SECRET --to memory.db"
  ),
  call(
    3,
    "export --from neo4j --from-host 127.0.0.1 --from-port 1 --from-database d --from-tls verify --from-ca-file CA --quiet"
  ),
  call(
    3,
    "import g.json --to neo4j --to-host 127.0.0.1 --to-port 1 --to-database d --to-tls verify --to-ca-file CA --yes"
  ),
  call(3, "health --backend neo4j --uri bolt://CLOSED --database d --tls verify --ca-file CA"),
  call(3, "backup create --backend neo4j --host 127.0.0.1 --port 1 --database d --tls verify --ca-file CA"),
  // Files by their options.
  call(0, "migrate --from sqlite --from-path memory.db --from-layout seed --to column.db --to-layout seed --yes"),
  call(0, "verify --from sqlite --from-path memory.db --to sqlite --to-path column.db --to-layout seed"),
  call(0, "export --from sqlite --from-path memory.db --from-layout seed --output e.json"),
  call(0, "import e.json --to sqlite --to-path i.db --to-layout seed --yes"),
  call(0, "health --backend sqlite --path memory.db --layout seed"),
  call(0, "backup create --backend sqlite --path memory.db --layout seed"),
  // What every command takes, and what every command takes that writes.
  call(
    0,
    "migrate memory.db m.db --json --quiet --verbose --yes --progress json --on-conflict skip --skip-duplicates --on-error reject --on-unkeyed add --no-verify --backup"
  ),
  call(
    0,
    "verify memory.db m.db --json --quiet --verbose --yes --progress plain --max-size 1G --prefer-body --report v.html"
  ),
  call(
    0,
    "export memory.db --format cypher --cypher-for memgraph --output m.cypher --json --quiet --verbose --yes --progress plain --report e.md"
  ),
  call(
    0,
    "import e.json m.db --json --quiet --verbose --yes --progress json --on-conflict skip --skip-duplicates --on-error reject --on-unkeyed add --no-verify --backup --format auto --max-size 1G --prefer-body --report i.json"
  ),
  call(0, "import --input e.json m.db --dry-run"),
  call(0, "health memory.db --json --quiet --verbose --yes --progress plain"),
  call(0, "runs --json --quiet --verbose --yes --progress plain"),
  call(2, "runs rollback no-such-run --password-file SECRET --from-password-file SECRET --report r.html"),
  call(0, "runs prune --all"),
  call(0, "backup verify BACKUP --restore-drill --json --quiet --verbose --yes --progress plain --report b.html"),
  call(
    0,
    "backup restore BACKUP m.db --dry-run --backup --on-conflict skip --skip-duplicates --no-verify --on-error stop --on-unkeyed fail"
  ),
  call(0, "backup prune --keep 9"),
  call(0, "inspect memory.db --json --quiet --verbose --yes --progress plain --max-size 1G --prefer-body"),
  call(0, "inspect --backend sqlite --path memory.db --layout seed"),
  call(
    0,
    "inspect --backend falkordb --host SERVER --port PORT --user default --password-file SECRET --graph g --tls off"
  ),
  call(3, "inspect --backend neo4j --uri bolt://CLOSED --database d --tls verify --ca-file CA"),
  call(0, "config --json --quiet --verbose --yes --progress plain"),
  call(0, "clear memory.db --dry-run --json --quiet --verbose --yes --progress plain"),
  call(0, "clear --backend sqlite --path m.db --layout seed --confirm m.db --no-backup"),
  call(
    0,
    "clear --backend falkordb --host SERVER --port PORT --user default --password-file SECRET --graph h --tls off --confirm h --backup"
  ),
  call(
    3,
    "clear --backend neo4j --uri bolt://CLOSED --database d --tls verify --ca-file CA --confirm d --report c.html"
  ),
  call(0, "mcp --root . --allow-any --verbose"),
  call(0, "completions fish --json --quiet --verbose --yes --progress plain")
]
