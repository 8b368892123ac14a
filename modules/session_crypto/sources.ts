/*
 * Passphrases that are not in the configuration: the first line that a program prints, the words of a file. The control
 * process reads them, as whoever has started it, and hands them to its children in memory: those may not be able to read
 * the file, and need not start the program again.
 */
import { readFileSync } from 'node:fs'
import { nextWord, type Startup } from 'httpd'

/** Where passphrases are to be had. */
export interface Source {
  readonly kind: 'exec' | 'file'
  /** The program and its arguments, or the file. */
  readonly words: readonly string[]
  /** Where the configuration says so. */
  readonly at: string
}

/** Bytes for those of one source, with their length (4 bytes) in front. */
const SLOT = 16_384
const HEAD = 4
const PATIENCE = 10_000

/** @throws Error with the reason, never with a passphrase */
export function passphrasesFrom({ kind, words }: Source): string[] {
  const found = kind === 'exec' ? [printedBy(words)] : wordsIn(words[0]!)
  if (Buffer.byteLength(JSON.stringify(found)) > SLOT - HEAD) throw new Error(`more than ${SLOT - HEAD} bytes`)
  return found
}

function printedBy([program, ...args]: readonly string[]): string {
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { stdout, error, status } = spawnSync(program!, args, {
    encoding: 'latin1', timeout: PATIENCE, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: SLOT,
  })
  if (error !== undefined) throw error
  const line = /^[^\r\n]*/.exec(stdout)![0]
  if (line === '') throw new Error(`it has printed nothing${status === 0 ? '' : `, and ended with ${status}`}`)
  return line
}

function wordsIn(file: string): string[] {
  const found: string[] = []
  for (const line of readFileSync(Buffer.from(file, 'latin1'), 'latin1').split('\n')) {
    for (let rest = line.trim(); rest !== '' && !rest.startsWith('#');) {
      const [word, after] = nextWord(rest)
      found.push(word)
      rest = after.trim()
    }
  }
  return found
}

/** Those of all sources, in memory that children inherit. */
export class Passphrases {
  readonly #memory: Buffer
  readonly #known: (readonly string[])[] = []

  constructor(startup: Startup, sources: number) {
    this.#memory = Buffer.from(startup.sharedMemory('session-crypto', sources * SLOT)())
  }

  /** Nobody has filled it yet: this is the control process. */
  isEmpty(at: number): boolean {
    return this.#memory.readUInt32LE(at * SLOT) === 0
  }

  put(at: number, passphrases: readonly string[]): void {
    const text = Buffer.from(JSON.stringify(passphrases))
    text.copy(this.#memory, at * SLOT + HEAD)
    this.#memory.writeUInt32LE(text.length, at * SLOT)
  }

  get(at: number): readonly string[] {
    return this.#known[at] ??= this.#read(at * SLOT)
  }

  #read(from: number): readonly string[] {
    const length = this.#memory.readUInt32LE(from)
    return JSON.parse(this.#memory.toString('utf8', from + HEAD, from + HEAD + length)) as string[]
  }
}
