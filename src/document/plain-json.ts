/** JSON of other programs as property values: what it says and nothing more, without the tags of canonical form. */
import { setProperty } from "../domain/Graph.ts"
import { isJsonObject, type JsonValue } from "../domain/Json.ts"
import type { PropertyValue } from "../domain/PropertyValue.ts"

/** The property value that a JSON value is. */
export const fromPlainJson = (json: JsonValue): PropertyValue | null => {
  if (json === null || typeof json !== "object") return json
  if (!isJsonObject(json)) return json.map(fromPlainJson)
  const map: { [name: string]: PropertyValue | null } = {}
  for (const name of Object.keys(json)) setProperty(map, name, fromPlainJson(json[name] ?? null))
  return map
}
