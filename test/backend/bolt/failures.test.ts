import { describe, expect, it } from "vitest"
import {
  driverFailure,
  type Moment,
  type Server,
  storeUnavailable,
  timedOut,
  writeFailed
} from "../../../src/backend/bolt/failures.ts"

const neo4j: Server = { kind: "neo4j", title: "Neo4j", location: "bolt://h:7687" }
const memgraph: Server = { kind: "memgraph", title: "Memgraph", location: "memgraph://h:7687" }

const failure = (code: string, message: string, moment: Moment = "run") =>
  driverFailure(Object.assign(new Error(message), { code }), moment)

const MEMGRAPH = "Memgraph.ClientError.MemgraphError.MemgraphError"

describe("why a store is not available", () => {
  it.each([
    [neo4j, failure("Neo.ClientError.Security.Unauthorized", "unauthorized", "connect"), "authentication"],
    [neo4j, failure("Neo.ClientError.Security.Forbidden", "Read is not allowed"), "permission"],
    [neo4j, failure("Neo.ClientError.Database.DatabaseNotFound", "no x"), "missing-database"],
    [neo4j, failure("Neo.TransientError.General.DatabaseUnavailable", "x is stopped"), "unreachable"],
    [neo4j, failure("ServiceUnavailable", "refused", "connect"), "unreachable"],
    [neo4j, failure("ServiceUnavailable", "refused"), "went-away"],
    [neo4j, failure("SessionExpired", "gone"), "went-away"],
    [
      neo4j,
      failure("ServiceUnavailable", "Could not perform discovery. No routing servers available.", "connect"),
      "driver"
    ],
    [neo4j, failure("N/A", "Server responded HTTP. Make sure ...", "connect"), "not-this-kind"],
    [neo4j, timedOut("run", 5), "timeout"],
    [neo4j, failure("", "something else"), "driver"],
    [memgraph, failure(MEMGRAPH, "Authentication failure", "connect"), "authentication"],
    [memgraph, failure(MEMGRAPH, 'Unknown database "x"'), "missing-database"],
    [memgraph, failure(MEMGRAPH, "You are not authorized to execute this query"), "permission"],
    [memgraph, failure(MEMGRAPH, "Write queries are forbidden on the replica"), "read-only"],
    [
      memgraph,
      failure(
        "Memgraph.TransientError.MemgraphError.MemgraphError",
        "Transaction was asked to abort because of transaction timeout."
      ),
      "timeout"
    ]
  ] as const)("%o %o", (server, cause, reason) => {
    const error = storeUnavailable(server, cause)
    expect(error.reason).toBe(reason)
    expect(error.message).toContain(server.location)
    expect(error.message).toContain(cause.message)
  })
})

describe("why writing failed", () => {
  it.each([
    [neo4j, failure("Neo.ClientError.Schema.ConstraintValidationFailed", "already exists", "commit"), "refused-record"],
    [
      neo4j,
      failure("Neo.DatabaseError.Statement.ExecutionFailed", "Property value is too large to index"),
      "refused-record"
    ],
    [neo4j, failure("Neo.TransientError.Transaction.DeadlockDetected", "deadlock"), "locked"],
    [neo4j, failure("Neo.TransientError.General.MemoryPoolOutOfMemoryError", "more than the limit"), "store-full"],
    [neo4j, failure("Neo.ClientError.Cluster.NotALeader", "no"), "read-only"],
    [neo4j, failure("ServiceUnavailable", "gone", "commit"), "went-away"],
    [neo4j, failure("ServiceUnavailable", "connect ECONNREFUSED 127.0.0.1:7687"), "went-away"],
    [neo4j, failure("SessionExpired", "gone"), "went-away"],
    [neo4j, failure("Neo.TransientError.General.DatabaseUnavailable", "is stopped", "commit"), "went-away"],
    [neo4j, failure("N/A", "Connection acquisition timed out in 3000 ms."), "went-away"],
    [neo4j, failure("Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration", "terminated"), "went-away"],
    [neo4j, timedOut("commit", 5), "went-away"],
    [neo4j, failure("Neo.ClientError.Transaction.LockClientStopped", "terminated"), "locked"],
    [neo4j, failure("Neo.ClientError.Statement.EntityNotFound", "Node 4:x:1 not found"), "store-changed"],
    [neo4j, failure("", "?"), "driver"],
    [
      memgraph,
      failure(MEMGRAPH, "Unable to commit due to unique constraint violation on :Memory(id)", "commit"),
      "refused-record"
    ],
    [
      memgraph,
      failure("Memgraph.TransientError.MemgraphError.MemgraphError", "Cannot resolve conflicting transactions."),
      "locked"
    ],
    [memgraph, failure(MEMGRAPH, "Memory limit exceeded!"), "store-full"]
  ] as const)("%o %o", (server, cause, reason) => {
    expect(writeFailed(server, "import", cause).reason).toBe(reason)
  })

  it("says what is known of the batch", () => {
    for (const open of [
      failure("ServiceUnavailable", "gone", "commit"),
      failure("Neo.TransientError.General.DatabaseUnavailable", "is stopped", "commit"),
      // The server itself has failed: it may find the transaction committed when it comes back.
      failure("Neo.DatabaseError.Transaction.TransactionCommitFailed", "disk", "commit"),
      timedOut("commit", 5)
    ]) {
      expect(writeFailed(neo4j, "import", open).message).toContain("It is not known whether the last batch took effect")
    }
    for (const known of [
      failure("", "?"),
      failure("Neo.ClientError.Schema.ConstraintValidationFailed", "already exists", "commit"),
      failure("Neo.DatabaseError.Statement.ExecutionFailed", "Property value is too large to index", "commit")
    ]) {
      expect(writeFailed(neo4j, "import", known).message).toContain("Nothing of this batch was written.")
    }
  })
})

describe("what is tried again", () => {
  it.each([
    [failure("Neo.TransientError.Transaction.DeadlockDetected", ""), true],
    [failure("Neo.TransientError.Transaction.DeadlockDetected", "", "commit"), true],
    [failure("Memgraph.TransientError.MemgraphError.MemgraphError", "Cannot resolve conflicting transactions."), true],
    [failure("ServiceUnavailable", ""), true],
    // Nobody knows whether it took effect: again could mean twice.
    [failure("ServiceUnavailable", "", "commit"), false],
    [failure("Neo.TransientError.General.DatabaseUnavailable", ""), true],
    [failure("Neo.TransientError.General.DatabaseUnavailable", "", "commit"), false],
    [timedOut("commit", 1), false],
    [failure("SessionExpired", "", "connect"), false],
    [failure("Neo.TransientError.General.MemoryPoolOutOfMemoryError", ""), false],
    [failure("Neo.ClientError.Schema.ConstraintValidationFailed", ""), false],
    [timedOut("run", 1), false]
  ])("%o", (cause, retriable) => expect(cause.retriable).toBe(retriable))
})
