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

/**
 * Fields that many responses have alike, made once: those of a file. Nobody may change it. With it is kept the end of
 * the last head that it stood in, as bytes: the next one is mostly the same.
 */
export class FieldBlock {
  readonly names: readonly string[]
  readonly values: readonly string[]
  tail: HeadTail | undefined

  constructor(fields: readonly (readonly [name: string, value: string])[]) {
    this.names = fields.map(([name]) => name)
    this.values = fields.map(([, value]) => value)
  }
}

/** The part of a head behind `Date` and `Server`, and what it was made of besides the block. */
export interface HeadTail {
  readonly connection: string
  readonly length: number | undefined
  readonly type: string | undefined
  readonly bytes: Buffer
}

export interface Fields { readonly names: readonly string[]; readonly values: readonly string[] }

const NOTHING = new FieldBlock([])

const PLAIN = 1, UNSETTLED = 2, BAD = 3
/** Of names that were met; there are few, but a client may have a say in some. */
const kinds = new Map<string, number>()
const MOST_KINDS = 500

function kindOf(name: string): number {
  const kind = !TOKEN.test(name) ? BAD : SETTLED.has(name.toLowerCase()) ? UNSETTLED : PLAIN
  if (kinds.size < MOST_KINDS && name.length < 64) kinds.set(name, kind)
  return kind
}

// The bit that tells small letters from capitals does not count, and most names begin with different letters.
const isSame = (a: string, b: string): boolean => a === b ||
  (a.length === b.length && ((a.charCodeAt(0) ^ b.charCodeAt(0)) & ~0x20) === 0 && a.toLowerCase() === b.toLowerCase())

export class Headers implements HeaderTable {
  /** Shared with others until something is changed. */
  #block: FieldBlock | undefined = NOTHING
  #names: readonly string[] | string[] = NOTHING.names
  #values: readonly string[] | string[] = NOTHING.values
  /** A field with a control character in it, or a name that is none: a response with such a one must not leave. */
  bad: string | undefined
  /** Somebody has set a field that the core has its own word on. */
  unsettled = false

  get size(): number {
    return this.#names.length
  }

  /** The block that it consists of, if it is still one. */
  get block(): FieldBlock | undefined {
    return this.#block === NOTHING ? undefined : this.#block
  }

  /** Adds the fields of a block; `add` for each, if there were none before. */
  share(block: FieldBlock): void {
    if (this.#names.length === 0) {
      this.#block = block
      this.#names = block.names
      this.#values = block.values
    } else block.names.forEach((name, i) => this.put(name, block.values[i]!))
  }

  #own(): { readonly names: string[]; readonly values: string[] } {
    if (this.#block !== undefined) {
      this.#block = undefined
      this.#names = this.#names.slice()
      this.#values = this.#values.slice()
    }
    return { names: this.#names as string[], values: this.#values as string[] }
  }

  /** As it is now, whatever becomes of it. */
  snapshot(): Fields {
    return { names: this.#names.slice(), values: this.#values.slice() }
  }

  /** Whether it has the same fields in the same order, written alike. */
  isAs({ names, values }: Fields): boolean {
    if (names.length !== this.#names.length) return false
    for (let i = 0; i < names.length; i++)
      if (names[i] !== this.#names[i] || values[i] !== this.#values[i]) return false
    return true
  }

  /** A value that tells responses apart more often than not: files have their ETag there. */
  get mark(): string {
    return this.#values[1] ?? this.#values[0] ?? ''
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
      this.#own().values[at] = value
      this.#remove(name, at + 1)
    }
  }

  add(name: string, value: string): void {
    this.#check(name, value)
    this.put(name, value)
  }

  /** As `add`, for a value that the core has made itself. */
  put(name: string, value: string): void {
    const { names, values } = this.#own()
    names.push(name)
    values.push(value)
  }

  merge(name: string, value: string): void {
    const at = this.#find(name)
    if (at < 0) return this.add(name, value)
    this.#check(name, value)
    this.#own().values[at] += `, ${value}`
  }

  unset(name: string): void {
    if (this.bad?.toLowerCase() === name.toLowerCase()) this.bad = undefined
    this.#remove(name, 0)
  }

  clear(): void {
    this.#block = NOTHING
    this.#names = NOTHING.names
    this.#values = NOTHING.values
    this.bad = undefined
    this.unsettled = false
  }

  // A line feed in a value would end the line, and begin another one of whoever chose the value.
  #check(name: string, value: string): void {
    const kind = kinds.get(name) ?? kindOf(name)
    if (kind === BAD || CONTROLS.test(value)) this.bad = name
    if (kind === UNSETTLED) this.unsettled = true
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
    for (let i = 0; i < names.length; i++) if (isSame(names[i]!, name)) return i
    return -1
  }

  #remove(name: string, from: number): void {
    for (let i = this.#names.length - 1; i >= from; i--)
      if (isSame(this.#names[i]!, name)) {
        const { names, values } = this.#own()
        names.splice(i, 1)
        values.splice(i, 1)
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
