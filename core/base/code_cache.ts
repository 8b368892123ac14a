/**
 * Compiled code of the program's scripts, kept in a file beside it: V8 need not compile them in every process and
 * thread. One rule: code is used for the very text that it was made from, under the very name, or not at all.
 *
 *   switchyard code 1 CRC32 of all that follows \n
 *   [{"name":…,"text":bytes,"code":bytes}, …]   \n   text  code  text  code …      each begins at a multiple of 8
 *
 * V8 itself compares the length of the text, its own version and its flags. It checks no sum in its releases (one wrong
 * bit may end the process), and takes the names that traces show from the code, so both are checked here.
 */
import { createRequire } from 'node:module'
import { Script } from 'node:vm'
import { crc32 } from 'node:zlib'

/** The code of one script; all bytes are views of the file's. */
export interface Code {
  /** The script's file, absolute: traces name it. */
  readonly name: string
  /** UTF-8. */
  readonly text: Uint8Array
  /** V8's. */
  readonly code: Uint8Array
}

/** Makes a script that has not run. @param name its file, for traces @throws SyntaxError */
export type Compile = (text: string, name: string) => Script

const MAGIC = 'switchyard code 1 '
const FIRST_LINE = MAGIC.length + 8 + 1
const ALIGNED = 8
const NEWLINE = 0x0a

interface Row { readonly name: string; readonly text: number; readonly code: number }

/** V8 copies what begins elsewhere. */
const aligned = (at: number): number => Math.ceil(at / ALIGNED) * ALIGNED

/** The file's bytes. */
export function packCode(codes: readonly Code[]): Uint8Array {
  const rows = JSON.stringify(codes.map(({ name, text, code }): Row => ({ name, text: text.length, code: code.length })))
  const line = Buffer.from(rows)
  const begin = FIRST_LINE + line.length + 1
  const parts = codes.flatMap(({ text, code }) => [text, code])
  const file = Buffer.alloc(parts.reduce((at, { length }) => aligned(at) + length, begin))
  line.copy(file, FIRST_LINE)
  file[begin - 1] = NEWLINE
  let at = begin
  for (const part of parts) {
    file.set(part, aligned(at))
    at = aligned(at) + part.length
  }
  file.write(`${MAGIC}${sumOf(file)}\n`, 'latin1')
  return file
}

const sumOf = (file: Uint8Array): string => crc32(file.subarray(FIRST_LINE)).toString(16).padStart(8, '0')

/** True if these are the bytes that were once written as such a file. */
export function isWhole(file: Uint8Array): boolean {
  if (file.length <= FIRST_LINE) return false
  return Buffer.from(file.buffer, file.byteOffset, FIRST_LINE).toString('latin1') === `${MAGIC}${sumOf(file)}\n`
}

/** What a whole file holds. */
export function unpackCode(bytes: Uint8Array): Code[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = file.indexOf(NEWLINE, FIRST_LINE)
  const rows = JSON.parse(file.toString('utf8', FIRST_LINE, end)) as readonly Row[]
  let at = end + 1
  const next = (length: number): Uint8Array => {
    const begin = aligned(at)
    at = begin + length
    return file.subarray(begin, at)
  }
  return rows.map(({ name, text, code }) => ({ name, text: next(text), code: next(code) }))
}

/** Compiles with the code that is there for this text and name, and without if V8 will not have it. */
export const compileWith = (codes: readonly Code[]): Compile => (text, name) => {
  const named = codes.filter((each) => each.name === name)
  const bytes = named.length > 0 ? Buffer.from(text) : undefined
  return scriptOf(text, name, named.find((each) => bytes?.equals(each.text))?.code)
}

// Of another Node, or under other flags, V8 rejects the code and compiles as ever.
const scriptOf = (text: string, name: string, code: Uint8Array | undefined): Script =>
  new Script(text, { filename: name, ...(code !== undefined && { cachedData: code }) })

/** The script of a code, whose text is not compared with anything. */
export const scriptOfCode = ({ name, text, code }: Code): Script => scriptOf(Buffer.from(text.buffer, text.byteOffset, text.length).toString(), name, code)

/** On the script's own first line, so that lines are as they are in the file. */
const HEAD = '(function (module, exports, require) {', TAIL = '\n})'

/** A script in CommonJS as a function of what such a script sees. */
export const wrapped = (text: string): string => `${HEAD}${text}${TAIL}`

/** The file that a wrapped script was. */
export const fileOf = ({ text }: Code): Uint8Array => text.subarray(HEAD.length, text.length - TAIL.length)

export type Wrapper = (module: object, exports: object, require: (id: string) => unknown) => void

/** Runs a wrapped script as Node runs a file in CommonJS. @param path the file, for what it requires */
export function runWrapped(script: Script, path: string): void {
  const module = { exports: {} }
  const run = script.runInThisContext() as Wrapper
  run(module, module.exports, createRequire(path))
}

/** How the entry of the program hands its `Compile` to the server, which is a bundle of its own. */
const COMPILE = Symbol.for('switchyard.compile')
type Holder = { [COMPILE]?: Compile }

export function setCompile(compile: Compile): void {
  (globalThis as Holder)[COMPILE] = compile
}

/** What loadable modules are compiled with. */
export const compile: Compile = (text, name) => ((globalThis as Holder)[COMPILE] ?? compileWith([]))(text, name)
