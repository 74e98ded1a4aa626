/**
 * Brings Neo4j Community (for the tests on a real server) from Maven Central into a cache folder, once:
 * `MEMORYGRAPH_ENGINE_DIR`/neo4j, else ~/.cache/memorygraph-migrate/neo4j-VERSION. Needs Java 17 or newer and Maven.
 * Prints the folder of jars. Run again it finds them there and does nothing.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"

/** The long-term support release that runs on Java 17. */
export const NEO4J_VERSION = "5.26.30"

/** Where the jars are, or would be. */
export const jarFolder = () => {
  const engines = process.env["MEMORYGRAPH_ENGINE_DIR"]
  const home =
    engines !== undefined && engines !== ""
      ? path.join(engines, "neo4j")
      : path.join(os.homedir(), ".cache", "memorygraph-migrate", `neo4j-${NEO4J_VERSION}`)
  return path.join(home, "lib")
}

/** True where the jars are complete. */
export const isFetched = () => fs.existsSync(path.join(jarFolder(), `neo4j-${NEO4J_VERSION}.jar`))

const POM = `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>memorygraph-migrate</groupId>
  <artifactId>neo4j-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.neo4j</groupId>
      <artifactId>neo4j</artifactId>
      <version>${NEO4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`

/** Fetches the jars where they are not there yet; returns their folder. */
export const fetchNeo4j = () => {
  const target = jarFolder()
  if (isFetched()) return target
  const home = path.dirname(target)
  fs.mkdirSync(home, { recursive: true })
  // Beside the target, so that a rename makes them appear all at once: a broken download is never taken for whole.
  const work = fs.mkdtempSync(path.join(home, "fetch-"))
  try {
    fs.writeFileSync(path.join(work, "pom.xml"), POM)
    execFileSync(
      "mvn",
      ["-B", "-ntp", "-q", "dependency:copy-dependencies", `-DoutputDirectory=${work}/lib`, "-DincludeScope=runtime"],
      { cwd: work, stdio: ["ignore", "inherit", "inherit"] }
    )
    fs.rmSync(target, { recursive: true, force: true })
    fs.renameSync(path.join(work, "lib"), target)
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
  if (!isFetched()) throw new Error(`Maven brought no neo4j-${NEO4J_VERSION}.jar into ${target}`)
  return target
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(`${fetchNeo4j()}\n`)
}
