/** Response headers: a short list, searched from the front; names compare without regard to case. */
import type { HeaderTable } from '../hook/types.ts'

/** What no field may have (RFC 9110 section 5.5): all but the tab. */
export const CONTROLS = /[\0-\x08\x0a-\x1f\x7f]/
/** The name of a field (RFC 9110 section 5.1). */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Fields that the core has its own word on, in lower case: see settled_fields.ts. */
const SETTLED: ReadonlySet<string> = new Set([
  'connection', 'content-encoding', 'content-language', 'content-type', 'date', 'server', 'transfer-encoding', 'vary',
])

export class Headers implements HeaderTable {
  readonly #names: string[] = []
  readonly #values: string[] = []
  /** A field with a control character in it, or a name that is none: a response with such a one must not leave. */
  bad: string | undefined
  /** Somebody has set a field that the core has its own word on. */
  unsettled = false

  get size(): number {
    return this.#names.length
  }

  get(name: string): string | undefined {
    const at = this.#find(name)
    return at < 0 ? undefined : this.#values[at]
  }

  has(name: string): boolean {
    return this.#find(name) >= 0
  }

  set(name: string, value: string): void {
    if (this.bad === name) this.bad = undefined
    this.#check(name, value)
    const at = this.#find(name)
    if (at < 0) this.put(name, value)
    else {
      this.#values[at] = value
      this.#remove(name, at + 1)
    }
  }

  add(name: string, value: string): void {
    this.#check(name, value)
    this.put(name, value)
  }

  /** As `add`, for a value that the core has made itself. */
  put(name: string, value: string): void {
    this.#names.push(name)
    this.#values.push(value)
  }

  merge(name: string, value: string): void {
    const at = this.#find(name)
    if (at < 0) return this.add(name, value)
    this.#check(name, value)
    this.#values[at] += `, ${value}`
  }

  unset(name: string): void {
    if (this.bad?.toLowerCase() === name.toLowerCase()) this.bad = undefined
    this.#remove(name, 0)
  }

  clear(): void {
    this.#names.length = this.#values.length = 0
    this.bad = undefined
    this.unsettled = false
  }

  // A line feed in a value would end the line, and begin another one of whoever chose the value.
  #check(name: string, value: string): void {
    if (CONTROLS.test(value) || !TOKEN.test(name)) this.bad = name
    if (SETTLED.has(name.toLowerCase())) this.unsettled = true
  }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i]!, this.#values[i]!]
  }

  /** The lines `Name: value` with CRLF, ready for the wire. */
  text(): string {
    let text = ''
    for (let i = 0; i < this.#names.length; i++) text += `${this.#names[i]!}: ${this.#values[i]!}\r\n`
    return text
  }

  #find(name: string): number {
    const names = this.#names
    for (let i = 0; i < names.length; i++) if (names[i] === name) return i
    const lower = name.toLowerCase()
    for (let i = 0; i < names.length; i++)
      if (names[i]!.length === name.length && names[i]!.toLowerCase() === lower) return i
    return -1
  }

  #remove(name: string, from: number): void {
    const lower = name.toLowerCase()
    for (let i = this.#names.length - 1; i >= from; i--)
      if (this.#names[i]!.length === name.length && this.#names[i]!.toLowerCase() === lower) {
        this.#names.splice(i, 1)
        this.#values.splice(i, 1)
      }
  }
}

/** Lines `Name: value` with CRLF between them as a table. */
export function trailersOf(text: string): Headers {
  const headers = new Headers()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    headers.add(line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''))
  }
  return headers
}
