import { describe, expect, it } from "vitest"
import { runScript } from "./runBin.ts"

const SCRIPT = new URL("slowUndo.ts", import.meta.url).pathname

describe("an interrupted program", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("is undone and ends with 130: %s", async (signal) => {
    const { code, stderr, stdout } = await runScript(SCRIPT, ["200"], { reactions: [{ when: /begun/, signal }] })
    expect({ code, stdout }).toEqual({ code: 130, stdout: "begun\nundone\n" })
    expect(stderr).toContain("undoing what was begun")
  })

  it("takes two signals of one key press for one", async () => {
    const { code, stdout } = await runScript(SCRIPT, ["900"], {
      reactions: [{ when: /begun/, signal: "SIGINT", again: 30 }]
    })
    expect({ code, stdout }).toEqual({ code: 130, stdout: "begun\nundone\n" })
  })

  it("leaves at once when asked a second time, says that the target's state is not known, and what to run", async () => {
    const { code, seconds, stderr, stdout } = await runScript(SCRIPT, ["40000"], {
      reactions: [
        { when: /begun/, signal: "SIGINT" },
        { when: /Interrupted/, after: 600, signal: "SIGINT" }
      ]
    })
    expect({ code, stdout }).toEqual({ code: 7, stdout: "begun\n" })
    expect(stderr).toContain("Left at once")
    expect(stderr).toContain("is not known")
    expect(stderr).toContain('"memorygraph runs rollback 20260101T000000-abcdef"')
    expect(seconds).toBeLessThan(40)
  })

  it("that has written nothing says so when it leaves at once (130)", async () => {
    const { code, stderr } = await runScript(SCRIPT, ["40000", "reading"], {
      reactions: [
        { when: /begun/, signal: "SIGINT" },
        { when: /Interrupted/, after: 600, signal: "SIGINT" }
      ]
    })
    expect(code).toBe(130)
    expect(stderr).toContain("Left at once. Nothing had been written.")
  })

  it("is undone too when a driver throws outside of any fiber, and ends with 1", async () => {
    const { code, stderr, stdout } = await runScript(SCRIPT, ["200", "defect"])
    expect({ code, stdout }).toEqual({ code: 1, stdout: "begun\nundone\n" })
    expect(stderr).toContain("a driver broke")
  })
})
