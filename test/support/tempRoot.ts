/** One folder for everything that a test run makes, removed when the run ends: workers do not always see their end. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

export const ROOT_VARIABLE = "MEMORYGRAPH_TEST_ROOT"

export default (): (() => void) => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "mg-tests-"))
  process.env[ROOT_VARIABLE] = root
  return () => fs.rmSync(root, { recursive: true, force: true })
}
