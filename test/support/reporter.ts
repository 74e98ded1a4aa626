/**
 * Says at the very end, alone on the last line, how the tests went: `N passed, N failed`, and `, N skipped` where there
 * are any. What was skipped is listed just before with its reason, so that a missing engine is never taken for a
 * success. Broken files, broken hooks and unhandled errors count as failed; no test at all is a failure.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import type { SerializedError } from "vitest"
import type { Reporter, TestCase, TestModule, TestRunEndReason, TestSuite, Vitest } from "vitest/node"

const fileOf = (module: TestModule): string => path.relative(process.cwd(), module.moduleId)

const place = (test: TestCase): string => `${fileOf(test.module)} > ${test.fullName}`

/** Hooks that failed: their suite's tests may never have run. */
const brokenSuites = (module: TestModule): ReadonlyArray<TestSuite> =>
  [...module.children.allSuites()].filter((suite) => suite.errors().length > 0)

export default class SummaryReporter implements Reporter {
  private filtered = false
  private ended = false
  private passed = 0
  private failed = 0
  private skipped: Array<string> = []
  private troubles: Array<string> = []

  onInit(vitest: Vitest): void {
    this.filtered = vitest.config.testNamePattern !== undefined
    // The default reporter prints its own summary after onTestRunEnd: only the process's exit comes later.
    // First among its listeners: at a signal vitest's own ends the process in the middle of the event.
    process.prependOnceListener("exit", () => this.print())
  }

  onTestCaseResult(test: TestCase): void {
    this.takeCase(test)
  }

  onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    unhandledErrors: ReadonlyArray<SerializedError>,
    reason: TestRunEndReason
  ): void {
    this.ended = true
    this.passed = 0
    this.failed = 0
    this.skipped = []
    this.troubles = []
    for (const module of modules) this.take(module)
    for (const error of unhandledErrors) this.trouble(`unhandled error: ${error.message}`)
    if (reason === "interrupted") this.trouble("the run was interrupted")
  }

  private take(module: TestModule): void {
    for (const test of module.children.allTests()) this.takeCase(test)
    if (module.errors().length > 0) this.trouble(`broken file: ${fileOf(module)}`)
    for (const suite of brokenSuites(module)) this.trouble(`broken hook: ${fileOf(module)} > ${suite.fullName}`)
  }

  private takeCase(test: TestCase): void {
    const result = test.result()
    if (result.state === "passed") this.passed++
    else if (result.state === "failed") this.failed++
    else if (result.state === "pending") this.trouble(`never finished: ${place(test)}`)
    else if (!this.filtered || result.note !== undefined) {
      this.skipped.push(
        `${place(test)}: ${result.note ?? (test.options.mode === "todo" ? "to do" : "no reason given")}`
      )
    }
  }

  private trouble(text: string): void {
    this.failed++
    this.troubles.push(text)
  }

  private print(): void {
    if (!this.ended) this.trouble("the run was ended before all tests had run")
    else if (this.passed + this.failed === 0) this.trouble("no test ran")
    const lines = [""]
    for (const text of this.troubles) lines.push(`FAILED  ${text}`)
    if (this.skipped.length > 0) {
      lines.push(`SKIPPED ${this.skipped.length} test(s), which prove nothing in this run:`)
      for (const text of this.skipped) lines.push(`  - ${text}`)
    }
    const skipped = this.skipped.length > 0 ? `, ${this.skipped.length} skipped` : ""
    lines.push(`${this.passed} passed, ${this.failed} failed${skipped}`, "")
    // An exit handler has no time for asynchronous writes.
    fs.writeSync(1, lines.join("\n"))
    if (this.failed > 0 && (process.exitCode ?? 0) === 0) process.exitCode = 1
  }
}
