/** `memorygraph config`: every setting in force, and who says so. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { describeStore, settingsInForce } from "../settings/inForce.ts"
import { output } from "./options.ts"
import { table } from "./render.ts"
import { runListing } from "./run.ts"

export const config = Command.make("config", { output }, (options) =>
  runListing("config", options, ({ settings }) =>
    Effect.map(settingsInForce(options.output, process.env, settings), (inForce) => {
      const stores = [...settings.stores.values()]
      return {
        json: {
          configFile: settings.file ?? null,
          settings: inForce,
          stores: stores.map((store) => ({ name: store.name, line: store.line, ...describeStore(store) }))
        },
        lines: [
          ...table([["SETTING", "VALUE", "FROM"], ...inForce.map(({ from, name, value }) => [name, value, from])]),
          ...stores.flatMap((store) => [
            "",
            `${store.name} (${settings.file}:${store.line})`,
            ...Object.entries(describeStore(store)).map(([key, value]) => `  ${key.padEnd(14)}${value}`)
          ])
        ]
      }
    })
  )
).pipe(Command.withDescription("Show every setting: its value, and where it comes from"))
