/*
 * The rows of a listing: each file is looked up as if it had been asked for, so that what is refused or left out there is
 * not shown either. All that stays of a file is its row.
 */
import { closeSync, openSync, opendirSync, readSync, type Dir, type Dirent } from 'node:fs'
import {
  compile as compileFnmatch, errnoPrefix, fsPath, parentDirectory, tidyPath, withTrailingSlash,
  type FileInfo, type Lookup, type Request,
} from 'httpd'
import { Option } from './options.ts'
import type { View } from './query.ts'
import { DIRECTORY, findData, findDescription, findSpecial, isIgnored } from './rules.ts'
import type { Listing } from './settings.ts'
import type { Entry } from './sort.ts'

/** After so many files others have their turn, and it is seen whether the client is still there. */
const FAIR_SHARE = 256
/** A title is looked for in so many bytes. */
const TITLE_BYTES = 8191

/** Reads a directory to its end and closes it. */
export async function readEntries(r: Request, listing: Listing, view: View, directory: Dir): Promise<Entry[]> {
  const entries: Entry[] = []
  try {
    const parent = parentEntry(r, listing, view)
    if (parent !== undefined) entries.push(parent)
    const isShown = view.pattern === undefined ? undefined : compileFnmatch(view.pattern, { noEscape: true, period: true })
    let seen = 0
    for (let found = directory.readSync(); found !== null; found = directory.readSync()) {
      if (isShown === undefined || isShown(found.name)) {
        const entry = await entryOf(r, listing, view, found)
        if (entry !== undefined) entries.push(entry)
      }
      if (++seen % FAIR_SHARE !== 0) continue
      await new Promise((resolve) => void setImmediate(resolve))
      if (r.connection.aborted) break
    }
  } finally {
    directory.closeSync()
  }
  return entries
}

/** Undefined if it may not be read; that is logged. */
export function openDirectory(r: Request): Dir | undefined {
  try {
    // Its type says UTF-8 and the like only; what it is given goes to the same decoder as with readdir.
    return opendirSync(fsPath(r.filename!), { encoding: 'latin1' as BufferEncoding, bufferSize: 256 })
  } catch (error) {
    r.log('error', 'autoindex', `${errnoPrefix(error)}AH01275: Can't open directory for index: ${r.filename ?? ''}`)
    return undefined
  }
}

/** The way up, unless there is none or it is ignored. */
function parentEntry(r: Request, listing: Listing, { options }: View): Entry | undefined {
  if (r.uri === '/') return undefined
  const path = `${r.filename!}..`
  if (isIgnored(listing.ignored, path)) return undefined
  const isFancy = (options & Option.fancy) !== 0
  const known = { path, type: undefined, encoding: undefined }
  return {
    name: tidyPath(`${withTrailingSlash(r.uri)}../`),
    icon: isFancy ? findData(listing.icons, known, true) ?? findSpecial(listing.icons, DIRECTORY) : undefined,
    alt: isFancy ? findData(listing.alts, known, true) ?? findSpecial(listing.alts, DIRECTORY) ?? 'PARENTDIR' : undefined,
    description: isFancy ? findDescription(listing.descriptions, path) : undefined,
    modified: -1, size: -1, isFolder: false,
  }
}

/** What it is, or what the link leads to; `none` for a link that leads nowhere. */
function typeOf(r: Request, found: Dirent): FileInfo['type'] {
  if (found.isDirectory()) return 'directory'
  return found.isSymbolicLink() ? r.stat(r.filename! + found.name).type : 'file'
}

async function entryOf(r: Request, listing: Listing, view: View, file: Dirent): Promise<Entry | undefined> {
  if (isIgnored(listing.ignored, r.filename! + file.name)) return undefined
  const type = typeOf(r, file)
  if (type === 'none') return undefined
  const isFolder = type === 'directory'
  const answer = r.subLookupFile(isFolder ? `${file.name}/` : file.name)
  const found = answer instanceof Promise ? await answer : answer
  try {
    return isListed(found, view.options) ? entryFor(listing, view.options, file.name, isFolder, found) : undefined
  } finally {
    r.forgetLookup(found)
  }
}

function isListed({ status, finfo }: Lookup, options: number): boolean {
  if (finfo.type !== 'file' && finfo.type !== 'directory') return false
  return (status >= 200 && status < 400) ||
    ((options & Option.showForbidden) !== 0 && (status === 401 || status === 403))
}

function entryFor(listing: Listing, options: number, name: string, isFolder: boolean, found: Lookup): Entry {
  const shown = isFolder ? `${name}/` : name
  // Rows of one shape: those that are made of others' properties take five times as long to sort.
  if (!(options & (Option.fancy | Option.table)))
    return { name: shown, icon: undefined, alt: undefined, description: undefined, modified: -1, size: -1, isFolder: false }
  const path = isFolder ? parentDirectory(found.filename!).slice(0, -1) : found.filename!
  const known = { path, type: typeWithout(found.contentType), encoding: found.contentEncoding }
  const icon = findData(listing.icons, known, isFolder)
  const alt = findData(listing.alts, known, isFolder)
  const title = options & Option.scanTitles ? () => titleOf(found) : () => undefined
  return {
    name: shown,
    icon: isFolder ? icon ?? findSpecial(listing.icons, DIRECTORY) : icon,
    alt: isFolder ? alt ?? findSpecial(listing.alts, DIRECTORY) ?? 'DIR' : alt,
    description: findDescription(listing.descriptions, path) ?? title(),
    modified: found.finfo.mtimeMs, size: isFolder ? -1 : found.finfo.size,
    isFolder: isFolder && (options & Option.foldersFirst) !== 0,
  }
}

const typeWithout = (type: string | undefined): string | undefined => type?.replace(/\s*;.*$/s, '')

const HTML = /^(?:text\/html|application\/xhtml\+xml|text\/x-server-parsed-html)$/i
export const isHtml = (type: string | undefined): boolean => type !== undefined && HTML.test(typeWithout(type)!)

function titleOf({ status, contentType, contentEncoding, filename }: Lookup): string | undefined {
  if (status !== 200 || !isHtml(contentType) || contentEncoding !== undefined) return undefined
  let fd: number | undefined
  try {
    fd = openSync(fsPath(filename!), 'r')
    const bytes = Buffer.alloc(TITLE_BYTES)
    return findTitle(bytes.toString('latin1', 0, readSync(fd, bytes, 0, TITLE_BYTES, 0)))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** What stands between `<title>` and the next tag, in one line; its first line end is dropped. */
export function findTitle(html: string): string | undefined {
  const text = html.split('\0', 1)[0]!
  const [, title] = /<title>([^<]*)/i.exec(text) ?? []
  return title?.replace(/^[\r\n]+/, '').replace(/[\r\n]/g, ' ')
}
