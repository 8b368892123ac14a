/*
 * RewriteMap: what `${name:key}` asks. One rule: a map that has to wait answers a promise, so none ever holds up a
 * thread. Each thread keeps what it has read of a file for as long as that is the same file.
 */
import { createReadStream, existsSync, statSync } from 'node:fs'
import {
  ConfigError, DbmError, dbmKind, fsPath, isDbmType, lookUpDbm, osEscapePath, type Answer, type Command, type FileInfo,
} from 'httpd'
import { wordsOfCommand } from '../shared/command_words.ts'
import { MapProgram } from './program.ts'
import type { Scope } from './scope.ts'

export interface RewriteMap {
  /** False: asking may block the thread for a moment. */
  readonly quick: boolean
  /** The value; undefined: there is none, and the default counts. */
  lookUp(key: string, scope: Scope): Answer<string | undefined>
}

const upper = (text: string): string => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** What is no escape stays as it is. As a text of C ends: at NUL. */
const unescaped = (text: string): string =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).replace(/\0.*/s, '')

const INTERNAL: Readonly<Record<string, (key: string) => string>> = {
  tolower: lower, toupper: upper, escape: (text) => osEscapePath(text), unescape: unescaped,
}

const internalMap = (name: string, of: (key: string) => string): RewriteMap => ({
  quick: true,
  lookUp: (key, scope) => told(of(key), name, key, scope),
})

function told(value: string | undefined, map: string, key: string, scope: Scope): string | undefined {
  if (scope.traces) {
    scope.trace(5, value === undefined ? `map lookup FAILED: map=${map} key=${key}`
      : `map lookup OK: map=${map} key=${key} -> val=${value}`, true)
  }
  return value
}

/** A file of lines `key value`. Of two lines with the same key the first counts; what follows the value is a comment. */
class TextMap implements RewriteMap {
  readonly quick = true
  readonly #name: string
  readonly #path: string
  readonly #choose: boolean
  #seen: FileInfo | undefined
  #entries: ReadonlyMap<string, string> | undefined
  #reading: Promise<ReadonlyMap<string, string> | undefined> | undefined

  /** @param choose a value is several with `|` between them, of which one is taken at random (rnd) */
  constructor(name: string, path: string, choose: boolean) {
    this.#name = name
    this.#path = path
    this.#choose = choose
  }

  lookUp(key: string, scope: Scope): Answer<string | undefined> {
    const info = scope.request.stat(this.#path)
    if (info.type === 'none') {
      scope.request.log('error', 'rewrite', `AH00661: mod_rewrite: can't access text RewriteMap file ${this.#path}`)
      return told(undefined, `${this.#name}[txt]`, key, scope)
    }
    if (!isSame(info, this.#seen)) this.#read({ ...info }, scope)
    if (this.#reading === undefined) return this.#find(this.#entries, key, scope)
    return this.#reading.then((entries) => this.#find(entries, key, scope))
  }

  #find(entries: ReadonlyMap<string, string> | undefined, key: string, scope: Scope): string | undefined {
    const value = told(entries?.get(key), `${this.#name}[txt]`, key, scope)
    if (value === undefined || !this.#choose) return value
    const chosen = oneOf(value)
    if (scope.traces) scope.trace(5, `randomly chosen the subvalue \`${chosen}'`, true)
    return chosen
  }

  #read({ size, mtimeMs, ino, type, mode }: FileInfo, scope: Scope): void {
    this.#seen = { size, mtimeMs, ino, type, mode }
    const reading = entriesOf(this.#path).catch(() => {
      scope.request.log('error', 'rewrite', `AH00655: mod_rewrite: can't open text RewriteMap file ${this.#path}`)
      this.#seen = undefined
      return undefined
    })
    this.#reading = reading
    void reading.then((entries) => {
      if (this.#reading !== reading) return
      this.#entries = entries
      this.#reading = undefined
    })
  }
}

const isSame = (info: FileInfo, seen: FileInfo | undefined): boolean =>
  seen !== undefined && info.mtimeMs === seen.mtimeMs && info.size === seen.size && info.ino === seen.ino

const oneOf = (value: string): string => {
  const values = value.split('|')
  return values[Math.floor(Math.random() * values.length)]!
}

const LINE = /^([^\s#]\S*)[ \t]+(\S+)/

/** Reads a file in pieces, so that others have their turn between them. @throws Error if it cannot be read */
async function entriesOf(path: string): Promise<ReadonlyMap<string, string>> {
  const entries = new Map<string, string>()
  let rest = ''
  const take = (line: string): void => {
    const [, key, value] = LINE.exec(line) ?? []
    if (key !== undefined && !entries.has(key)) entries.set(key, value!)
  }
  for await (const piece of createReadStream(fsPath(path), { encoding: 'latin1' })) {
    const lines = (rest + (piece as string)).split('\n')
    rest = lines.pop()!
    lines.forEach(take)
  }
  take(rest)
  return entries
}

const exists = (path: string): boolean => {
  try {
    return statSync(fsPath(path), { throwIfNoEntry: false }) !== undefined
  } catch {
    return false
  }
}

/**
 * Reads the arguments of RewriteMap.
 * @param options the third argument: user:group of a program
 * @throws ConfigError
 */
export function readMap(command: Command, name: string, said: string, options: string | undefined): RewriteMap {
  const [, kind = 'txt', rest = said] = /^(txt|rnd|int|prg|dbd|fastdbd|dbm(?:=[^:]*)?):(.*)$/s.exec(said) ?? []
  if (kind === 'int') return internal(name, rest)
  if (kind === 'prg') return program(command, name, rest, options)
  if (kind.endsWith('dbd')) throw new ConfigError('RewriteMap types dbd and fastdbd require mod_dbd!')
  if (kind.startsWith('dbm')) return database(command, name, kind.slice('dbm='.length) || 'default', rest)
  if (said.startsWith('dbm=')) throw new ConfigError(`RewriteMap: bad map:${said}`)
  const path = command.serverRootRelative(rest)
  mustExist(name, path)
  return new TextMap(name, path, kind === 'rnd')
}

function internal(name: string, of: string): RewriteMap {
  if (!Object.hasOwn(INTERNAL, of)) throw new ConfigError(`RewriteMap: internal map not found:${of}`)
  return internalMap(name, INTERNAL[of]!)
}

function program(command: Command, name: string, line: string, options: string | undefined): RewriteMap {
  const words = wordsOfCommand(line)
  const [path] = words
  if (path === undefined) throw new ConfigError(`RewriteMap: bad path to prg map: ${line}`)
  mustExist(name, path)
  if (options !== undefined) {
    command.note('warn', `SY00135: RewriteMap ${name}: the program runs as the user who serves requests (User, Group), ` +
      `not as ${options}`)
  }
  const running = new MapProgram(name, words)
  return {
    quick: false,
    lookUp: (key, scope) => running.ask(key, scope.request).then((value) => told(value, name, key, scope)),
  }
}

/** A file of the dbm family. It is read for each question: that may block, and there is nothing to keep. */
function database(command: Command, name: string, type: string, said: string): RewriteMap {
  if (!isDbmType(type)) throw new ConfigError(`RewriteMap: dbm type ${type} is invalid`)
  const file = { path: command.serverRootRelative(said), trusted: true }
  databaseMustExist(name, type, file.path)
  return {
    quick: false,
    lookUp(key, scope) {
      let value
      try {
        value = lookUpDbm(file, type, key)
      } catch (error) {
        const why = error instanceof DbmError ? `: ${error.message}` : ''
        scope.request.log('error', 'rewrite', `AH00656: mod_rewrite: can't open DBM RewriteMap ${file.path}${why}`, error)
      }
      return told(value, `${name}[dbm]`, key, scope)
    },
  }
}

function databaseMustExist(name: string, type: string, path: string): void {
  try {
    const file = fsPath(path).toString()
    if (dbmKind(type, file).files(file).every((each) => existsSync(each))) return
  } catch (error) {
    if (!(error instanceof DbmError)) throw error
    throw new ConfigError(`RewriteMap: map ${name} cannot be used: ${error.message}`)
  }
  throw new ConfigError(`RewriteMap: file for map ${name} not found:${path}`)
}

function mustExist(name: string, path: string): void {
  if (!exists(path)) throw new ConfigError(`RewriteMap: file for map ${name} not found:${path}`)
}
