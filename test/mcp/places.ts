/** Stores and folders for tests of the server, and the calls that most of them make. */
import * as fs from "node:fs"
import * as path from "node:path"
import Database from "better-sqlite3"
import { expect } from "vitest"
import { copyOf, tempFolder } from "../support/migrating.ts"
import type { Called, Session } from "./support.ts"

/** A source, a target that does not exist yet, and a folder that is a root, in a config that names them. */
export const places = (source = copyOf("python-small.db")) => {
  const folder = fs.realpathSync(tempFolder())
  const target = path.join(fs.realpathSync(tempFolder()), "target.db")
  const config = {
    stores: { laptop: { kind: "sqlite", path: source }, team: { kind: "sqlite", path: target } },
    mcp: { roots: [folder] }
  }
  return { source, target, folder, config }
}

/** Between the two stores of {@link places}. */
export const MIGRATION = { source: "laptop", target: "team" }

/** Changes an SQLite file. */
export const change = (file: string, sql: string) => {
  const db = new Database(file)
  db.exec(sql)
  db.close()
}

/** Makes the target a copy of the source of which two memories have another title. */
export const inConflict = ({ source, target }: { readonly source: string; readonly target: string }) => {
  fs.copyFileSync(source, target)
  change(
    target,
    `UPDATE nodes SET properties = json_set(properties, '$.title', 'Mine')
     WHERE id IN (SELECT id FROM nodes ORDER BY id LIMIT 2)`
  )
}

/** The first of the two steps. */
export const plan = async (session: Session, tool: string, given: object): Promise<Called> => {
  const planned = await session.call(tool, given)
  expect(planned.isError, planned.text).toBe(false)
  expect(planned.data.status).toBe("planned")
  return planned
}

/** Both steps. */
export const act = async (session: Session, tool: string, given: object): Promise<Called> => {
  const { data } = await plan(session, tool, given)
  const done = await session.call(tool, { ...given, plan_hash: data.plan_hash })
  expect(done.isError, done.text).toBe(false)
  return done
}

/** A call that was refused has no hash to hand out. */
export const refused = (called: Called, error: object) => {
  expect(called.isError, called.text).toBe(true)
  expect(called.data.error).toMatchObject(error)
  expect(called.data).not.toHaveProperty("plan_hash")
}
