/** Backends that say the wrong things of records. */
import { canonicalProperties } from "../../../src/domain/Canonical.ts"
import { type Broken, inBackend } from "./decorate.ts"

export const fitting: ReadonlyArray<Broken> = [
  inBackend("lets reserved names in", ["reserved property names are impossible"], (backend) => ({
    ...backend,
    fit: () => []
  })),
  inBackend("calls ordinary records impossible", ["ordinary records fit"], (backend) => ({
    ...backend,
    fit: () => [{ level: "impossible", kind: "never" }]
  })),
  inBackend("calls maps impossible", ["a value of any kind fits"], (backend) => ({
    ...backend,
    fit: (record) =>
      Object.values(record.properties).some((value) => typeof value === "object" && Object.keys(value).length === 0)
        ? [{ level: "impossible", kind: "empty" }]
        : backend.fit(record)
  })),
  inBackend("names values in its misfits", ["a misfit's kind is the same for the same cause"], (backend) => ({
    ...backend,
    fit: (record) => [{ level: "encoded", kind: `value ${canonicalProperties(record.properties)}` }]
  })),
  inBackend("says something else each time", ["fit is pure"], (backend) => {
    let calls = 0
    return { ...backend, fit: () => [{ level: "encoded", kind: `call ${++calls}` }] }
  })
]
