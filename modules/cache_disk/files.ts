/**
 * Entries as files below CacheRoot: NAME.index says what a URL varies by, NAME.entry has all of a response but its body,
 * and names the file with that, NAME.UNIQUE.body.
 *
 * One rule: no file changes once it has its name. What is new is written elsewhere and put into its place whole; a body is
 * written under a name that no entry says yet, and goes with the entry that says it. So processes need no lock among
 * themselves, and whatever a crash leaves behind is no entry.
 */
import { closeSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { fsPath, parentDirectory, Recent, type FileInfo } from 'httpd'
import { nameOf } from '../shared/cache/name.ts'
import { isIndex, isKept, readJson, type Index, type Kept } from '../shared/cache/variants.ts'

export interface Layout { readonly root: string; readonly levels: number; readonly length: number }

export interface Stored extends Kept {
  /** Of the file with the body; undefined: it is empty. */
  readonly body: string | undefined
}

let count = 0

/** Part of the name of a file that only this thread makes. */
export const unique = (): string =>
  `${Date.now().toString(36)}-${process.pid.toString(36)}-${threadId.toString(36)}-${(count++).toString(36)}`

/** Where a key has its files, without their endings. */
export function placeOf({ root, levels, length }: Layout, key: string): string {
  const name = nameOf(key)
  const folders = Array.from({ length: levels }, (_, i) => name.slice(i * length, (i + 1) * length))
  return [root, ...folders, name.slice(levels * length)].join('/')
}

export const bodyPath = (place: string, body: string): string => `${place}.${body}.body`

function readText(path: string): string | undefined {
  try {
    return readFileSync(fsPath(path), 'latin1')
  } catch {
    return undefined
  }
}

/** Tells what a path leads to (Request.stat). */
export type Look = (path: string) => FileInfo

interface Seen { readonly info: FileInfo; readonly value: object | undefined }

/** What files of up to so many bytes said, of so many of them, is remembered: they are never changed, only replaced. */
const SMALL = 16 * 1024
const REMEMBERED = 1024
const seen = new Recent<string, Seen>(REMEMBERED)

function seenAt(path: string, look: Look): object | undefined {
  const { type, size, mtimeMs, ino, mode } = look(path)
  if (type !== 'file') return undefined
  const before = seen.get(path)
  if (before?.info.ino === ino && before.info.mtimeMs === mtimeMs && before.info.size === size) return before.value
  const value = read(path)
  if (size <= SMALL) seen.set(path, { info: { type, size, mtimeMs, ino, mode }, value })
  return value
}

function read(path: string): object | undefined {
  const text = readText(path)
  return text === undefined ? undefined : readJson(text)
}

/** @param look where what was read before may be used again */
export function readIndex(place: string, look?: Look): Index | undefined {
  const path = `${place}.index`
  const index: Partial<Index> | undefined = look === undefined ? read(path) : seenAt(path, look)
  return isIndex(index) ? index : undefined
}

/** Undefined: none, or one of another key with the same name. */
export function readEntry(place: string, key: string, look?: Look): Stored | undefined {
  const path = `${place}.entry`
  const stored: Partial<Stored> | undefined = look === undefined ? read(path) : seenAt(path, look)
  return isStored(stored) && stored.key === key ? stored : undefined
}

const isStored = (value: Partial<Stored> | undefined): value is Stored => isKept(value)

/** Makes the folders above it where they are missing. @throws Error */
export function openNew(path: string): number {
  try {
    return openSync(fsPath(path), 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    mkdirSync(fsPath(parentDirectory(path)), { recursive: true, mode: 0o700 })
    return openSync(fsPath(path), 'wx', 0o600)
  }
}

/** A file with a name of its own. @throws Error */
function written(path: string, text: string): string {
  const temporary = `${path}.${unique()}.tmp`
  const fd = openNew(temporary)
  try {
    writeFileSync(fd, text, 'latin1')
    return temporary
  } catch (error) {
    erase(temporary)
    throw error
  } finally {
    closeSync(fd)
  }
}

/** What it varies by, in the place of what was said. @throws Error */
export function writeIndex(place: string, index: Index): void {
  const path = `${place}.index`
  const temporary = written(path, JSON.stringify(index))
  try {
    renameSync(fsPath(temporary), fsPath(path))
  } catch (error) {
    erase(temporary)
    throw error
  }
}

/** False: there was none. */
export function erase(path: string): boolean {
  try {
    unlinkSync(fsPath(path))
    return true
  } catch {
    return false
  }
}

/** An entry that is nobody else's any more. */
interface Taken { readonly path: string; readonly body: string | undefined }

/** Of many that want to take an entry away one gets it, and sees to its body: so none is left that nothing names. */
function take(place: string): Taken | undefined {
  const path = `${place}.entry.${unique()}.tmp`
  try {
    renameSync(fsPath(`${place}.entry`), fsPath(path))
  } catch {
    return undefined
  }
  const { body } = read(path) as Partial<Stored> | undefined ?? {}
  return { path, body: typeof body === 'string' ? body : undefined }
}

export function removeEntry(place: string): boolean {
  const taken = take(place)
  if (taken === undefined) return false
  eraseBody(place, taken.body)
  erase(taken.path)
  return true
}

function eraseBody(place: string, body: string | undefined): void {
  if (body !== undefined) erase(bodyPath(place, body))
}

/** False: there is one already. @throws Error */
function link(from: string, place: string): boolean {
  try {
    linkSync(fsPath(from), fsPath(`${place}.entry`))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/** How often one tries that others keep coming before. */
const TRIES = 20

/** Puts an entry in the place of whatever there is. False: others were always quicker. @throws Error */
export function putEntry(place: string, stored: Stored): boolean {
  const temporary = written(`${place}.entry`, JSON.stringify(stored))
  try {
    for (let i = 0; i < TRIES; i++) {
      removeEntry(place)
      if (link(temporary, place)) return true
    }
    return false
  } finally {
    erase(temporary)
  }
}

/** The same body with another head; unless it has been replaced since, which counts for more. @throws Error */
export function renewEntry(place: string, stored: Stored): void {
  const taken = take(place)
  if (taken === undefined) return
  let isPlaced = false
  try {
    if (taken.body !== stored.body) isPlaced = link(taken.path, place)
    else {
      const temporary = written(`${place}.entry`, JSON.stringify(stored))
      try {
        isPlaced = link(temporary, place)
      } finally {
        erase(temporary)
      }
    }
  } finally {
    if (!isPlaced) eraseBody(place, taken.body)
    erase(taken.path)
  }
}
