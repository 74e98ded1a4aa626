/** Documents as streams: a store is exported, its records pass through a function of the host, and go out again. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  exportRecords,
  exportStore,
  type GraphRecord,
  openDocument,
  RunReport,
  SqliteBackend
} from "memorygraph-migrate"

const withoutContent = (record: GraphRecord): GraphRecord =>
  record._tag === "Node" ? { ...record, properties: { ...record.properties, content: "(removed)" } } : record

const program = Effect.scoped(
  Effect.gen(function* () {
    const store = yield* SqliteBackend.make({ path: "memories.db" })
    yield* exportStore(store, { stateFolder: "state", format: "json", output: { path: "memories.json.gz" } })

    // Fails at its end at the latest, where the document is not what it says it is.
    const { path, records } = yield* openDocument("memories.json.gz", "auto")
    const solutions = yield* records.pipe(
      Stream.filter(({ _tag, properties }) => _tag === "Node" && properties["type"] === "solution"),
      Stream.runCount
    )

    // Checked like any document: both ends of each relationship, no key twice. Whole, or not there.
    const report = yield* exportRecords(
      { path, records: Stream.map(records, withoutContent) },
      { stateFolder: "state", format: "jsonl", output: { path: "redacted.jsonl" } }
    )
    return { solutions, report: yield* Schema.encode(RunReport)(report) }
  })
)

const { report, solutions } = await Effect.runPromise(program)
console.log(`${solutions} solutions; ${report.records.written} records written`)
