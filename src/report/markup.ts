/** Markup that cannot be injected into: whatever is put into a template is escaped, unless it is markup itself. */
import { html } from "./escape.ts"

/** A piece of HTML or SVG. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What can be put into a template; undefined leaves nothing. */
export type Part = Markup | string | number | undefined | ReadonlyArray<Markup>

const textOf = (part: Part): string => {
  if (part === undefined) return ""
  if (typeof part === "number") return String(part)
  if (typeof part === "string") return html(part)
  return part instanceof Markup ? part.text : part.map(({ text }) => text).join("")
}

/** Markup out of a template; its parts are escaped. */
export const markup = (template: TemplateStringsArray, ...parts: ReadonlyArray<Part>): Markup =>
  new Markup(template.map((text, i) => text + textOf(parts[i])).join(""))

/** Foreign text, kept from changing the direction of what is around it. */
export const foreign = (text: string): Markup => markup`<bdi>${text}</bdi>`

/** Foreign text of the kind that machines read: an id, a path, a value. */
export const code = (text: string): Markup => markup`<code><bdi>${text}</bdi></code>`

/** A number for an SVG attribute. */
export const at = (value: number): string => String(Math.round(value * 10) / 10)
