/**
 * The library PCRE2, 8 bits wide, called directly. One rule: no match takes more steps than its length and the budget
 * below allow, and none more than a fixed amount of memory.
 *
 * Its interpreter is used, as by Apache. Its compiler (JIT) is quicker and wrong now and then: in 10.42 it finds no
 * match of `(?:a|)b*a` in `a`.
 */
import { allocate, openLibrary, viewOf, type Library, type NativeCall } from './native.ts'
import { newBudget, NO_MATCH, searchAtOnce, searchInGroups, type Budget, type Subject } from './pcre2_search.ts'

/** Options of a pattern; the names are PCRE2's. */
export interface Pcre2Options {
  readonly icase: boolean
  readonly extended: boolean
  readonly dotall: boolean
  readonly dollarEndonly: boolean
  readonly multiline: boolean
}

const CASELESS = 0x8, DOLLAR_ENDONLY = 0x10, DOTALL = 0x20, DUPNAMES = 0x40, EXTENDED = 0x80, MULTILINE = 0x400
const ANCHORED = 0x80000000, USE_OFFSET_LIMIT = 0x800000
const ANYWHERE = 0xffffffffffffffffn, PARTIAL_HARD = 0x20
const CONFIG_VERSION = 11, NEWLINE_LF = 2, BSR_UNICODE = 1
const INFO_ALLOPTIONS = 0, INFO_CAPTURECOUNT = 4, INFO_NAMECOUNT = 17, INFO_NAMEENTRYSIZE = 18, INFO_NAMETABLE = 19

/** Calls of its matcher that one match may take, some 15 to 40 ms. The library's own limit is ten times that. */
const MOST_STEPS = 1_000_000
/** Memory of a match in KiB. The library's own limit is 20 GB. */
const MOST_HEAP = 20_000
/** Of the buffer for subjects: one that grew for a longer text is given back. */
const KEPT = 64 * 1024
/** Groups whose offsets the thread's match data can hold; a pattern with more has its own. */
const COMMON_GROUPS = 64

/**
 * The library counts from each start anew. Up to this length of a subject all starts may take the same
 * number of steps; what they take in a longer one is taken from one budget.
 */
const LONG = 1024

/** Powers of two, so that the limit seldom has to be told; enough to go there and back from every start. */
export function stepsPerStart(length: number): number {
  const starts = 2 ** (32 - Math.clz32(length))
  return Math.max(Math.floor(MOST_STEPS / starts), 2 * starts)
}

/**
 * For a pattern that begins at the start of the subject. A step may run over many bytes: the longer the subject the
 * fewer steps, but always enough to go there and back.
 */
export function stepsWhenAnchored(length: number): number {
  const size = 2 ** (32 - Math.clz32(length))
  return Math.max(Math.min(MOST_STEPS, Math.floor(MOST_STEPS * 2048 / size)), 4 * size)
}

interface MatchData {
  readonly address: number
  /** Pairs of 64-bit offsets, seen as halves. */
  readonly spans: Uint32Array
}

/** @throws Error if the library is not there */
export const openPcre2 = (): Pcre2 => new Pcre2(openLibrary('libpcre2-8.so.0', 'libpcre2-8.so'))

export class Pcre2 {
  /** As `10.42 2022-12-11`. */
  readonly version: string
  readonly #calls: ReturnType<typeof callsOf>
  readonly #compileContext: number
  readonly #matchContext: number
  readonly #common: MatchData
  // Native code gets their addresses: they are kept for as long as it may write there.
  readonly #answer = allocate(16)
  #text = allocate(4096)
  #steps = 0
  #limited = false
  readonly #collected: FinalizationRegistry<{ readonly code: number; readonly data: MatchData }>

  constructor(library: Library) {
    const calls = (this.#calls = callsOf(library))
    this.version = versionOf(library)
    this.#compileContext = compileContext(library)
    this.#matchContext = matchContext(library)
    this.#common = this.#matchData(COMMON_GROUPS)
    // Patterns of .htaccess files come and go while the thread lives.
    this.#collected = new FinalizationRegistry(({ code, data }) => {
      calls.free(code)
      if (data !== this.#common) calls.freeMatchData(data.address)
    })
  }

  /** @param pattern one character per byte @returns undefined if it is wrong */
  compile(pattern: string, options: Pcre2Options): Pattern | undefined {
    const { address } = this.#answer
    const text = this.#place(pattern)
    const code = this.#calls.compile(text, pattern.length, bitsOf(options), address, address + 8, this.#compileContext)
    if (code === 0) return undefined
    const groups = this.#info(code, INFO_CAPTURECOUNT)
    const data = groups > COMMON_GROUPS ? this.#matchData(groups) : this.#common
    const compiled = new Pattern(this, {
      code, groups, address: data.address, spans: data.spans, names: this.#names(code, groups),
      anchored: (this.#info(code, INFO_ALLOPTIONS) & ANCHORED) !== 0,
      // These ask where the search began, or end it.
      inGroups: !asksForStart(pattern, options.extended),
    })
    this.#collected.register(compiled, { code, data })
    return compiled
  }

  /** @returns negative: no match (-1) or an error */
  match(parts: PatternParts, subject: string): number {
    const text = this.#place(subject)
    const { length } = subject
    const { code, address, anchored } = parts
    if (!anchored && length >= LONG) return this.#search(parts, text, length, newBudget())
    this.#limit(anchored ? stepsWhenAnchored(length) : stepsPerStart(length))
    if (this.#limited) this.#calls.setOffsetLimit(this.#matchContext, ANYWHERE)
    this.#limited = false
    return this.#calls.match(code, text, length, 0, 0, address, this.#matchContext)
  }

  /** As Pattern.every(). */
  every(parts: PatternParts, subject: string, budget: Budget, found: (from: number) => number): number {
    const text = this.#place(subject)
    const { length } = subject
    for (let from = 0; from <= length;) {
      const result = this.#search(parts, text + from, length - from, budget)
      if (result < 0) return result
      from = found(from)
    }
    return NO_MATCH
  }

  #search({ code, address, spans, anchored, inGroups }: PatternParts, text: number, length: number, budget: Budget): number {
    this.#limited = true
    const look: Subject['look'] = (first, last, steps, end, partial) => {
      this.#limit(steps)
      this.#calls.setOffsetLimit(this.#matchContext, last)
      return this.#calls.match(code, text, end, first, partial ? PARTIAL_HARD : 0, address, this.#matchContext)
    }
    const subject: Subject = { look, foundAt: () => spans[0]!, length, anchored }
    return inGroups ? searchInGroups(subject, budget) : searchAtOnce(subject, MOST_STEPS, budget)
  }

  #limit(steps: number): void {
    if (steps === this.#steps) return
    this.#steps = steps
    this.#calls.setMatchLimit(this.#matchContext, steps)
  }

  /** An error number in words. */
  describe(error: number): string {
    const { bytes, address } = allocate(256)
    const length = this.#calls.message(error, address, bytes.length)
    return length < 0 ? `PCRE2 error ${error}` : `${bytes.toString('latin1', 0, length)} (PCRE2 error ${error})`
  }

  /** Puts a text into the buffer; answers the address. */
  #place(text: string): number {
    const { length } = this.#text.bytes
    if (text.length > length || length > KEPT) this.#text = allocate(Math.max(text.length, KEPT))
    this.#text.bytes.write(text, 'latin1')
    return this.#text.address
  }

  #matchData(groups: number): MatchData {
    const address = this.#calls.matchData(groups + 1, 0)
    return { address, spans: new Uint32Array(viewOf(this.#calls.spans(address), (groups + 1) * 16)) }
  }

  /** A number that the library tells about a pattern. */
  #info(code: number, what: number): number {
    this.#answer.bytes.fill(0)
    this.#calls.info(code, what, this.#answer.address)
    return Number(this.#answer.bytes.readBigUInt64LE(0))
  }

  #names(code: number, groups: number): (string | undefined)[] {
    const names = new Array<string | undefined>(groups + 1).fill(undefined)
    const count = this.#info(code, INFO_NAMECOUNT)
    if (count === 0) return names
    const size = this.#info(code, INFO_NAMEENTRYSIZE)
    const table = Buffer.from(viewOf(this.#info(code, INFO_NAMETABLE), count * size))
    for (let at = 0; at < table.length; at += size)
      names[table.readUInt16BE(at)] = table.toString('latin1', at + 2, table.indexOf(0, at + 2))
    return names
  }
}

interface PatternParts {
  readonly code: number
  /** Of the match data. */
  readonly address: number
  readonly spans: Uint32Array
  readonly names: readonly (string | undefined)[]
  readonly groups: number
  /** It can match at the start of a subject only. */
  readonly anchored: boolean
  /** The library may be asked for some starts only. */
  readonly inGroups: boolean
}

/** A compiled pattern; its memory is freed when it is collected. */
export class Pattern {
  readonly names: readonly (string | undefined)[]
  readonly groups: number
  readonly spans: Uint32Array
  readonly #library: Pcre2
  readonly #parts: PatternParts

  constructor(library: Pcre2, parts: PatternParts) {
    this.#library = library
    this.#parts = parts
    this.names = parts.names
    this.groups = parts.groups
    this.spans = parts.spans
  }

  /** Negative: no match (-1), or an error. Else begin and end of each group stand in `spans`, two halves each. */
  match(subject: string): number {
    return this.#library.match(this.#parts, subject)
  }

  /**
   * One match after the other. `found` is told where the search began, of which `spans` counts, and says where the next
   * one begins, or a number above the length. To a search there is nothing before its beginning.
   * @param budget for all of them @returns negative: no further match (-1), or an error
   */
  every(subject: string, budget: Budget, found: (from: number) => number): number {
    return this.#library.every(this.#parts, subject, budget, found)
  }

  describe(error: number): string {
    return this.#library.describe(error)
  }
}

/**
 * Whether a pattern has `\G` or a verb, `(*COMMIT)`. Not `\(*` and `[(*]`; where it takes more than that to tell what
 * is a class (comments, `\Q`), anything that looks like one.
 */
function asksForStart(pattern: string, extended: boolean): boolean {
  const simple = !extended && !/\\Q|\(\?(?:#|\^?[a-wyzA-Z-]*x)/.test(pattern)
  const outside = simple
    ? pattern.replace(/\\[^]|\[\^?\]?(?:\\[^]|\[:\^?[a-z]+:\]|[^\]\\])*\]/g, (text) => (text === '\\G' ? text : '_')) : pattern
  return /\\G|\(\*/.test(outside)
}

const bitsOf = ({ icase, extended, dotall, dollarEndonly, multiline }: Pcre2Options): number =>
  DUPNAMES + USE_OFFSET_LIMIT + (icase ? CASELESS : 0) + (extended ? EXTENDED : 0) + (dotall ? DOTALL : 0) +
  (dollarEndonly ? DOLLAR_ENDONLY : 0) + (multiline ? MULTILINE : 0)

const callsOf = ({ call }: Library) => ({
  compile: call('uintptr_t pcre2_compile_8(uintptr_t pattern, size_t length, uint32_t options, uintptr_t error, ' +
    'uintptr_t offset, uintptr_t context)'),
  free: call('void pcre2_code_free_8(uintptr_t code)'),
  info: call('int pcre2_pattern_info_8(uintptr_t code, uint32_t what, uintptr_t where)'),
  match: call('int pcre2_match_8(uintptr_t code, uintptr_t subject, size_t length, size_t start, uint32_t options, ' +
    'uintptr_t data, uintptr_t context)'),
  matchData: call('uintptr_t pcre2_match_data_create_8(uint32_t pairs, uintptr_t general)'),
  freeMatchData: call('void pcre2_match_data_free_8(uintptr_t data)'),
  spans: call('uintptr_t pcre2_get_ovector_pointer_8(uintptr_t data)'),
  setMatchLimit: call('int pcre2_set_match_limit_8(uintptr_t context, uint32_t steps)'),
  setOffsetLimit: call('int pcre2_set_offset_limit_8(uintptr_t context, size_t offset)'),
  message: call('int pcre2_get_error_message_8(int error, uintptr_t into, size_t length)'),
} satisfies Record<string, NativeCall>)

function versionOf({ call }: Library): string {
  const config = call('int pcre2_config_8(uint32_t what, uintptr_t where)')
  const { bytes, address } = allocate(64)
  return bytes.toString('latin1', 0, config(CONFIG_VERSION, address) - 1)
}

// What a line feed is must not depend on how the library was built: JavaScript has to agree with it.
function compileContext({ call }: Library): number {
  const context = call('uintptr_t pcre2_compile_context_create_8(uintptr_t general)')(0)
  call('int pcre2_set_newline_8(uintptr_t context, uint32_t value)')(context, NEWLINE_LF)
  call('int pcre2_set_bsr_8(uintptr_t context, uint32_t value)')(context, BSR_UNICODE)
  return context
}

function matchContext({ call }: Library): number {
  const context = call('uintptr_t pcre2_match_context_create_8(uintptr_t general)')(0)
  call('int pcre2_set_heap_limit_8(uintptr_t context, uint32_t kib)')(context, MOST_HEAP)
  return context
}
