/**
 * Bytes of one character set to those of another, piece by piece. One rule: what cannot be read, or written, is an error
 * and never another character.
 */
import type Iconv from 'iconv-lite'

let library: typeof Iconv | undefined

/** To be waited for, if it answers a promise, before anything else here is used: the tables are many. */
export function loadCharsets(): Promise<void> | undefined {
  return library === undefined ? import('iconv-lite').then((loaded) => void (library = loaded.default)) : undefined
}

function iconv(): typeof Iconv {
  if (library === undefined) throw new Error('Cannot translate: the character sets have not been loaded')
  return library
}

/** What the library calls encodings too, and is none. */
const NO_CHARSETS: ReadonlySet<string> = new Set(['base64', 'hex', 'internal', 'binary', 'utf7imap'])

export const isCharset = (name: string): boolean =>
  !NO_CHARSETS.has(name.toLowerCase().replace(/[^0-9a-z]/g, '')) && !name.startsWith('_') && iconv().encodingExists(name)

/** Apache's message, with its number. */
export class TranslationError extends Error {}

const INVALID = 'AH02198: xlate filter - returning error'

const isUtf8 = (name: string): boolean => /^utf-?8$/i.test(name)

/** Text that has come so far; `end` takes what is left. */
interface Reader {
  read(bytes: Uint8Array): string
  /** Bytes of a character that has not ended. */
  end(): string
}

function utf8Reader(): Reader {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let last: Uint8Array = new Uint8Array(0)
  return {
    read(bytes) {
      last = Uint8Array.prototype.slice.call(Buffer.concat([last, bytes.subarray(-LONGEST)]), -LONGEST)
      return decoded(() => decoder.decode(bytes, { stream: true }), INVALID)
    },
    end: () => decoded(() => decoder.decode(), `AH02196: xlate filter - incomplete char at end of input - ${unfinished(last)}`),
  }
}

/** Most bytes of a character that has not ended. */
const LONGEST = 3

const unfinished = (bytes: Uint8Array): string => {
  const lead = bytes.findLastIndex((byte) => byte >= 0xc0)
  return Buffer.from(bytes.subarray(Math.max(0, lead))).toString('hex')
}

function decoded(step: () => string, message: string): string {
  try {
    return step()
  } catch {
    throw new TranslationError(message)
  }
}

// The library puts U+FFFD in the place of what it cannot read. No charset but Unicode's has that character.
function tableReader(name: string): Reader {
  const decoder = iconv().getDecoder(name, { stripBOM: /^utf-?(16|32)$/i.test(name) })
  const mayHold = /^(utf|ucs|gb18030)/i.test(name)
  const sound = (text: string): string => {
    if (!mayHold && text.includes('\ufffd')) throw new TranslationError(INVALID)
    return text
  }
  return { read: (bytes) => sound(decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))), end: () => sound(decoder.end() ?? '') }
}

const readerOf = (name: string): Reader => (isUtf8(name) ? utf8Reader() : tableReader(name))

const questions = (text: string | Buffer): number => {
  let count = 0
  for (let at = text.indexOf('?'); at >= 0; at = text.indexOf('?', at + 1)) count++
  return count
}

const NOTHING = Buffer.alloc(0)

export class Translation {
  readonly #reader: Reader
  readonly #writer: ReturnType<typeof Iconv.getEncoder>
  /** Of Unicode all can be written. Elsewhere a question mark stands for what cannot, and no byte of others looks like one. */
  readonly #writesAll: boolean
  #begun = false

  constructor(from: string, to: string) {
    this.#reader = readerOf(from)
    this.#writer = iconv().getEncoder(to)
    this.#writesAll = /^(utf|ucs|gb18030)/i.test(to)
  }

  /** @throws TranslationError */
  take(bytes: Uint8Array): Uint8Array {
    return this.#written(this.#reader.read(bytes))
  }

  /** @throws TranslationError */
  end(): Uint8Array {
    const last = this.#written(this.#reader.end())
    return this.#begun ? Buffer.concat([last, this.#writer.end() ?? NOTHING]) : last
  }

  // Nothing stays nothing: no mark of the byte order, either.
  #written(text: string): Buffer {
    if (text === '') return NOTHING
    this.#begun = true
    const bytes = this.#writer.write(text)
    if (!this.#writesAll && questions(bytes) > questions(text)) throw new TranslationError(INVALID)
    return bytes
  }
}
