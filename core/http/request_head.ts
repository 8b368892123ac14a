// The head of one request as offsets into the bytes it came in, and what its fields say about the message.
//
// One instance per thread, filled again for each request: tables grow and are never given back. Everything it answers
// is valid until the next parseHead or until the bytes are overwritten; detach() makes a copy that lasts.

import { Atoms, type Atom } from './atoms.ts'
import { LOWER } from './bytes.ts'
import { EditedFields, mergedFields } from './edited_fields.ts'
import type { HttpFault } from './fault.ts'
import { HEADER, HEADER_COUNT, headerNumber } from './known_headers.ts'
import { M_INVALID } from './methods.ts'

/** Protocol numbers: major * 1000 + minor, as Apache's HTTP_VERSION. */
export const HTTP_09 = 9
export const HTTP_10 = 1000
export const HTTP_11 = 1001

/** What many requests name. Each thread has its own. */
const TEXTS = new Atoms(4096)
const HOSTS = new Atoms(4096, true)

const FIRST_TABLE = 32
const EMPTY = Buffer.alloc(0)
/** In `known`, of a header whose value is among the edited fields. */
const EDITED = 0x7fff
const grown = (old: Int32Array, size: number): Int32Array<ArrayBuffer> => {
  const table = new Int32Array(size)
  table.set(old)
  return table
}

export class RequestHead {
  readonly texts: Atoms
  /** The bytes that all offsets point into. */
  bytes: Buffer = EMPTY
  /** Why parseHead answered BAD; undefined otherwise. */
  fault: HttpFault | undefined = undefined
  /** How many bytes parseHead has seen when it answered MORE: hand it back with the next call. */
  scanned = 0

  /** Method number; M_INVALID for a name nobody registered. HEAD is M_GET with isHead. */
  methodNumber = M_INVALID
  isHead = false
  methodStart = 0
  methodEnd = 0
  targetStart = 0
  targetEnd = 0
  /** What the server speaks with this client: HTTP_09, HTTP_10 or HTTP_11 (1.2 and 2.0 count as 1.1). */
  protocol = HTTP_10
  /** The version as sent, major * 1000 + minor. */
  protocolSent = HTTP_10
  requestLineStart = 0
  requestLineEnd = 0

  /** Number of fields; the tables below are valid up to it. */
  count = 0
  nameStart = new Int32Array(FIRST_TABLE)
  nameEnd = new Int32Array(FIRST_TABLE)
  valueStart = new Int32Array(FIRST_TABLE)
  valueEnd = new Int32Array(FIRST_TABLE)
  /** The number of a known header per field, -1 for others. */
  fieldNumber = new Int16Array(FIRST_TABLE)
  /** First field per known header (numbers in HEADER), -1 for none. */
  readonly known = new Int16Array(HEADER_COUNT).fill(-1)
  /** 1 for a known header that came more than once. */
  readonly repeated = new Uint8Array(HEADER_COUNT)
  anyRepeated = false
  /** A field was continued on a second line (obs-fold): `bytes` is a copy with the lines joined. */
  folded = false

  /** Fields that came behind the body (MergeTrailers): found by name, after those of the head. */
  added: readonly (readonly [name: string, value: string])[] | undefined = undefined

  /** All fields, once somebody has changed some: what is said of known headers follows them. */
  #edited: EditedFields | undefined = undefined

  /** What an absolute target says instead of the Host header (RFC 9112 section 3.2.2). */
  replacedHost: string | undefined = undefined

  /** Bytes of the body, -1 when the client did not say (or said it is chunked). */
  contentLength = -1
  chunked = false
  /** The Connection header has the token `close`. */
  connectionClose = false
  /** The Connection header has the token `keep-alive`. */
  connectionKeepAlive = false
  /** The Connection header has the token `upgrade`. */
  connectionUpgrade = false
  expectContinue = false
  /** Expect has a value that is not 100-continue: the answer is 417. */
  expectUnknown = false
  /** Content-Length and chunked together: the message may be forged, so the connection ends after the response. */
  closeAfter = false
  /** The host of the Host header without port and trailing dot; hostStart is -1 when there is none. */
  hostStart = -1
  hostEnd = -1
  /** The port of the Host header, -1 when it has none. */
  hostPort = -1

  /** @param texts where texts that come again are remembered */
  constructor(texts = TEXTS) {
    this.texts = texts
  }

  /** Forgets the last request. Called by parseHead. */
  begin(bytes: Buffer, start: number): void {
    this.bytes = bytes
    this.fault = undefined
    this.scanned = 0
    this.methodNumber = M_INVALID
    this.isHead = false
    this.methodStart = this.methodEnd = this.targetStart = this.targetEnd = start
    this.requestLineStart = this.requestLineEnd = start
    this.protocol = this.protocolSent = HTTP_10
    if (this.#edited !== undefined) this.known.fill(-1)
    this.forgetFields()
    this.folded = false
    if (this.anyRepeated) this.repeated.fill(0)
    this.anyRepeated = false
    this.added = this.replacedHost = this.#edited = undefined
    this.contentLength = this.hostStart = this.hostEnd = this.hostPort = -1
    this.chunked = this.closeAfter = this.expectContinue = this.expectUnknown = false
    this.connectionClose = this.connectionKeepAlive = this.connectionUpgrade = false
  }

  /** Adds a field; number is that of the known header or -1. Called by the parser. */
  addField(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, number: number): void {
    const n = this.count
    if (n === this.nameStart.length) this.grow()
    this.nameStart[n] = nameStart
    this.nameEnd[n] = nameEnd
    this.valueStart[n] = valueStart
    this.valueEnd[n] = valueEnd
    this.fieldNumber[n] = number
    this.count = n + 1
    if (number < 0) return
    if (this.known[number] === -1) this.known[number] = n
    else {
      this.repeated[number] = 1
      this.anyRepeated = true
    }
  }

  /** Whether a known header is there. */
  has(number: number): boolean {
    return this.known[number]! >= 0
  }

  /** Value of a known header, latin1; of a repeated one all values joined with `, `, as Apache merges its table. */
  value(number: number): string | undefined {
    if (number === HEADER.HOST && this.replacedHost !== undefined) return this.replacedHost
    const field = this.known[number]!
    if (field < 0) return undefined
    if (field === EDITED) return this.#edited!.known(number)
    if (this.repeated[number] === 0) return this.valueText(field)
    let joined = this.valueText(field)
    for (let i = field + 1; i < this.count; i++) {
      if (this.fieldNumber[i] === number) joined += ', ' + this.valueText(i)
    }
    return joined
  }

  /** Value of any header by name (any case), joined as in value(). */
  get(name: string): string | undefined {
    const lower = name.toLowerCase()
    const number = headerNumber(lower)
    const inHead = this.#edited !== undefined ? this.#edited.get(lower)
      : number === undefined ? this.otherValue(lower) : this.value(number)
    return this.added === undefined ? inHead : this.withAdded(lower, inHead)
  }

  private withAdded(lower: string, inHead: string | undefined): string | undefined {
    let joined = inHead
    for (const [name, value] of this.added ?? []) {
      if (name.toLowerCase() === lower) joined = joined === undefined ? value : `${joined}, ${value}`
    }
    return joined
  }

  private otherValue(lower: string): string | undefined {
    let joined: string | undefined
    for (let i = 0; i < this.count; i++) {
      if (this.fieldNumber[i] === -1 && this.isNamed(i, lower)) {
        joined = joined === undefined ? this.valueText(i) : joined + ', ' + this.valueText(i)
      }
    }
    return joined
  }

  /** All fields in the order and spelling received. */
  * fields(): IterableIterator<readonly [name: string, value: string]> {
    if (this.#edited === undefined) yield* this.#received()
    else yield* this.#edited
    for (const [name, value] of this.added ?? []) yield [name, value]
  }

  /**
   * The fields, to be changed: whoever asks for one from now on gets what it is then. What was made of them when the
   * head was parsed (the length of the body, the host) stays, but for what Connection says.
   */
  edit(): EditedFields {
    return (this.#edited ??= this.#editable(mergedFields(this.#received())))
  }

  #editable(fields: Iterable<readonly [string, string]>): EditedFields {
    return new EditedFields(fields, (number, isThere, value) => {
      this.known[number] = isThere ? EDITED : -1
      if (number === HEADER.HOST) this.replacedHost = undefined
      if (number !== HEADER.CONNECTION) return
      const tokens = (value ?? '').toLowerCase().split(/[\t ]*,[\t ]*/)
      this.connectionClose = tokens.includes('close')
      this.connectionKeepAlive = tokens.includes('keep-alive')
    })
  }

  * #received(): IterableIterator<readonly [name: string, value: string]> {
    const host = this.replacedHost
    for (let i = 0; i < this.count; i++)
      yield [this.nameText(i), host !== undefined && this.fieldNumber[i] === HEADER.HOST ? host : this.valueText(i)]
  }

  nameText(field: number): string {
    return this.bytes.toString('latin1', this.nameStart[field], this.nameEnd[field])
  }

  valueText(field: number): string {
    return this.bytes.toString('latin1', this.valueStart[field], this.valueEnd[field])
  }

  method(): string {
    return this.texts.at(this.bytes, this.methodStart, this.methodEnd).text
  }

  /** The request target as sent, latin1. */
  target(): string {
    return this.targetAtom().text
  }

  targetAtom(): Atom {
    return this.texts.at(this.bytes, this.targetStart, this.targetEnd)
  }

  /** The request line as sent, without its end (`%r`). */
  requestLine(): string {
    return this.bytes.toString('latin1', this.requestLineStart, this.requestLineEnd)
  }

  /** `HTTP/1.1`; the version as the client sent it (`%H`). */
  protocolText(): string {
    return `HTTP/${Math.floor(this.protocolSent / 1000)}.${this.protocolSent % 1000}`
  }

  /** Host of the Host header: lower case, without port and trailing dot; undefined when there is none. */
  hostname(): string | undefined {
    if (this.hostStart < 0) return undefined
    return HOSTS.at(this.bytes, this.hostStart, this.hostEnd).text
  }

  /** Whether the client lets the connection persist (RFC 9112 section 9.3). */
  wantsKeepAlive(): boolean {
    if (this.connectionClose || this.closeAfter) return false
    return this.protocol >= HTTP_11 || (this.protocol === HTTP_10 && this.connectionKeepAlive)
  }

  /** Whether the client sends nothing more on this connection. */
  expectsEnd(): boolean {
    return this.connectionClose || (this.protocol < HTTP_11 && !this.connectionKeepAlive)
  }

  /** Whether a body follows the head. */
  hasBody(): boolean {
    return this.chunked || this.contentLength > 0
  }

  /** Where a refused head says that a body begins, nobody may rely on it. */
  forgetBody(): void {
    this.contentLength = -1
    this.chunked = this.expectContinue = false
  }

  /** Of a request that is refused for its first line nothing else counts. */
  forgetFields(): void {
    // One by one: the table is far longer than what most requests have in it.
    for (let i = 0; i < this.count; i++) {
      const number = this.fieldNumber[i]!
      if (number >= 0) this.known[number] = -1
    }
    this.count = 0
    this.hostStart = -1
  }

  /** A copy on bytes of its own, for whoever goes on after the read buffer is used again. */
  detach(): RequestHead {
    const copy = new RequestHead()
    const start = this.requestLineStart
    let end = this.requestLineEnd
    for (let i = 0; i < this.count; i++) end = Math.max(end, this.valueEnd[i]!, this.nameEnd[i]!)
    Object.assign(copy, this, {
      bytes: Buffer.from(this.bytes.subarray(start, end)),
      known: this.known.slice(), repeated: this.repeated.slice(), fieldNumber: this.fieldNumber.slice(0, this.count),
      methodStart: this.methodStart - start, methodEnd: this.methodEnd - start,
      targetStart: this.targetStart - start, targetEnd: this.targetEnd - start,
      requestLineStart: 0, requestLineEnd: this.requestLineEnd - start,
      hostStart: this.hostStart < 0 ? -1 : this.hostStart - start,
      hostEnd: this.hostStart < 0 ? -1 : this.hostEnd - start,
    })
    if (this.#edited !== undefined) copy.#edited = copy.#editable(this.#edited)
    copy.nameStart = this.nameStart.slice(0, this.count).map((at) => at - start)
    copy.nameEnd = this.nameEnd.slice(0, this.count).map((at) => at - start)
    copy.valueStart = this.valueStart.slice(0, this.count).map((at) => at - start)
    copy.valueEnd = this.valueEnd.slice(0, this.count).map((at) => at - start)
    return copy
  }

  private isNamed(field: number, lower: string): boolean {
    const start = this.nameStart[field]!
    if (this.nameEnd[field]! - start !== lower.length) return false
    for (let i = 0; i < lower.length; i++) {
      if (LOWER[this.bytes[start + i]!] !== lower.charCodeAt(i)) return false
    }
    return true
  }

  private grow(): void {
    const size = Math.max(FIRST_TABLE, this.nameStart.length * 2)
    this.nameStart = grown(this.nameStart, size)
    this.nameEnd = grown(this.nameEnd, size)
    this.valueStart = grown(this.valueStart, size)
    this.valueEnd = grown(this.valueEnd, size)
    const numbers = new Int16Array(size)
    numbers.set(this.fieldNumber)
    this.fieldNumber = numbers
  }
}
