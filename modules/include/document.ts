/*
 * A document with elements on its way to the client: text goes on as it comes, an element is carried out when it is
 * complete, and what it makes goes on before what follows it.
 */
import { eachPiece, type Captures, type Data, type Request, type Sink, type Wait } from 'httpd'
import { begunTag, ElementReader, type Element } from './element_reader.ts'
import { elements } from './elements.ts'
import { Scope, scopeOf } from './scope.ts'
import { allowance, include, includeServer } from './settings.ts'
import { expand } from './text.ts'

/** Bytes that an element may have. */
const LONGEST_ELEMENT = 1024 * 1024

/** What the last regular expression has matched. */
export interface LastMatch {
  readonly groups: readonly (string | undefined)[]
  /** How many groups it has. */
  readonly count: number
  readonly pattern: string
}

const tags = new Map<string, Buffer>()

function bytesOf(tag: string): Buffer {
  let bytes = tags.get(tag)
  if (bytes === undefined) tags.set(tag, bytes = Buffer.from(tag, 'latin1'))
  return bytes
}

export class Document implements Sink {
  readonly r: Request
  readonly scope: Scope
  readonly next: Sink
  readonly file: string
  readonly mayExec: boolean
  readonly #startTag: Buffer
  readonly #endTag: string
  /** What `#config` changes. */
  errorText: string
  echoText: string
  timeFormat: string
  sizeInBytes = false
  /** Inside of `#if`: whether what stands here goes on; whether one of the branches has been taken. */
  printing = true
  taken = true
  /** A condition could not be decided: `#else` means nothing then. */
  undecided = false
  /** Conditions inside of a branch that is not printed. */
  skipped = 0
  lastMatch: LastMatch | undefined
  /** The same for expressions of ap_expr. */
  readonly captures: Captures = { groups: undefined }
  /** An element was wrong as it is written: until one is printed, none is carried out. */
  #fault = false
  #isReady = false
  #reading: ElementReader | undefined
  /** What may be the beginning of a start tag. */
  #held: Uint8Array = NOTHING
  cancelled = false
  /** Ends what an element has under way, should nobody want it any more. */
  stop: (() => void) | undefined

  constructor(r: Request, next: Sink) {
    const { errorMsg, undefinedEcho, timeFormat } = r.dir(include)
    const { startTag, endTag } = r.server.get(includeServer)
    const outer = scopeOf(r)
    this.r = r
    this.next = next
    this.file = r.filename ?? ''
    this.scope = outer ?? new Scope(r)
    this.#isReady = outer !== undefined
    outer?.setQuery(r.args)
    this.mayExec = allowance(r) === 'exec'
    this.errorText = errorMsg
    this.echoText = undefinedEcho
    this.timeFormat = timeFormat
    this.#startTag = bytesOf(startTag)
    this.#endTag = endTag
  }

  write(data: Data): Wait {
    return eachPiece(data, (bytes) => this.#take(bytes))
  }

  flush(): Wait {
    return this.next.flush()
  }

  async end(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#tellFault(this.#reading.soFar)
      this.log('AH01372: SSI directive was not properly finished at the end of parsed document')
      await this.fail()
    } else if (this.printing && this.#held.length > 0) await this.next.write(this.#held)
    if (!this.printing) this.log('AH01373: missing closing endif directive in parsed document', 'warn')
    await this.next.end()
  }

  cancel(): void {
    this.cancelled = true
    this.stop?.()
    this.next.cancel?.()
  }

  // For elements.

  /** @param text ends with what comes before the name of the document */
  log(text: string, level: 'error' | 'warn' = 'error'): void {
    this.r.log(level, 'include', `${text} ${this.file}`)
  }

  print(text: string): Wait {
    return text === '' ? undefined : this.next.write(Buffer.from(text, 'latin1'))
  }

  /** What stands in the place of an element that failed. */
  fail(): Wait {
    return this.printing ? this.print(this.errorText) : undefined
  }

  variable(name: string): string | undefined {
    return /^\d$/.test(name) ? this.#group(Number(name)) : this.scope.get(name)
  }

  expand(text: string, keepsNames = false): string {
    return expand(text, (name) => this.variable(name),
      (rest) => this.log(`AH01331: Missing '}' on variable "${rest}" in`), keepsNames)
  }

  #group(number: number): string | undefined {
    const last = this.lastMatch
    if (last === undefined) this.log(`AH01329: regex capture $${number} refers to no regex in`, 'warn')
    else if (number > last.count)
      this.log(`AH01330: regex capture $${number} is out of range (last regex was: '${last.pattern}') in`, 'warn')
    else return last.groups[number]
    return undefined
  }

  // The walk through the text.

  async #take(piece: Uint8Array): Promise<void> {
    if (!this.#isReady) {
      this.#isReady = true
      await this.scope.fill()
    }
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    this.#held = NOTHING
    for (let at = 0; at < bytes.length && !this.cancelled;)
      at = this.#reading === undefined ? await this.#passText(bytes, at) : await this.#readElement(this.#reading, bytes, at)
  }

  /** Up to the next start tag. @returns where to go on */
  async #passText(bytes: Uint8Array, from: number): Promise<number> {
    const tag = this.#startTag
    const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(tag, from)
    const until = found >= 0 ? found : bytes.length - begunTag(bytes, from, tag)
    if (this.printing && until > from) await this.next.write(bytes.subarray(from, until))
    if (found >= 0) {
      this.#reading = new ElementReader(this.#endTag)
      return found + tag.length
    }
    this.#held = bytes.subarray(until)
    return bytes.length
  }

  async #readElement(reader: ElementReader, bytes: Uint8Array, from: number): Promise<number> {
    const at = reader.read(bytes, from)
    const { element } = reader
    if (element !== undefined) {
      this.#reading = undefined
      await this.#carryOut(element)
    } else if (reader.length > LONGEST_ELEMENT) {
      this.#reading = undefined
      this.log(`SY00185: an element of more than ${LONGEST_ELEMENT} bytes was given up in`)
      await this.fail()
    }
    return at
  }

  async #carryOut(element: Element): Promise<void> {
    this.#tellFault(element)
    // As Apache: where nothing is printed the fault stays, and so nothing is carried out until the end.
    if (this.#fault) {
      if (!this.printing) return
      this.#fault = false
      return this.fail()
    }
    const act = elements.get(element.name)
    if (act !== undefined) return act(this, element.args)
    this.log(`AH01371: unknown directive "${element.name}" in parsed doc`)
    return this.fail()
  }

  #tellFault({ name, fault }: Element): void {
    if (fault === undefined) return
    this.#fault = true
    if (fault === 'name') this.log('AH01368: missing directive name in parsed document')
    else this.log(`AH013${fault === 'quoted' ? 69 : 70}: missing argument name for value to tag ${name} in`)
  }
}

const NOTHING = new Uint8Array(0)
