/** Running whole migrations in tests. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import { connect } from "../../src/backend/registry.ts"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import type { MigrationError } from "../../src/domain/Errors.ts"
import { migrate, type WriteOptions } from "../../src/migration/migrate.ts"
import type { RunReport } from "../../src/migration/report.ts"
import { ROOT_VARIABLE } from "./tempRoot.ts"

/** The folder that everything of this test run is in. */
export const testRoot = (): string => process.env[ROOT_VARIABLE] ?? os.tmpdir()

/** A new private folder; it goes with the test run. */
export const tempFolder = (): string => fs.mkdtempSync(path.join(testRoot(), "t-"))

/** The path of a fixture. */
export const fixture = (name: string): string => new URL(`../fixtures/${name}`, import.meta.url).pathname

/** A writable copy of a fixture in a private folder. */
export const copyOf = (name: string): string => {
  const copy = path.join(tempFolder(), name)
  fs.copyFileSync(fixture(name), copy)
  fs.chmodSync(copy, 0o600)
  return copy
}

/** Changes an SQLite file behind everybody's back. */
export const edit = (file: string, ...sql: ReadonlyArray<string>): void => {
  const db = new Database(file)
  try {
    db.pragma("foreign_keys = OFF")
    for (const statement of sql) db.exec(statement)
  } finally {
    db.close()
  }
}

/** The runs that left something in a state folder. */
export const runsLeft = (stateFolder: string): ReadonlyArray<string> => {
  const folder = path.join(stateFolder, "runs")
  return fs.existsSync(folder) ? fs.readdirSync(folder) : []
}

/** Migrates between two stores, each connected anew. */
export const migrateStores = (
  from: StoreConfig,
  to: StoreConfig,
  options?: Partial<WriteOptions>
): Effect.Effect<RunReport, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const source = yield* connect(from)
      const target = yield* connect(to)
      return yield* migrate(source, target, { stateFolder: path.join(tempFolder(), "state"), ...options })
    })
  )

/** The same as a promise. */
export const run = (from: StoreConfig, to: StoreConfig, options?: Partial<WriteOptions>): Promise<RunReport> =>
  Effect.runPromise(migrateStores(from, to, options))
