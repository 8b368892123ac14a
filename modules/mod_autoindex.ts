/*
 * mod_autoindex: what a directory without an index file shows, where Options Indexes lets it: its files, looked up one by
 * one as if they had been asked for. Reads may block, so a thread of the crew makes the page.
 */
import {
  allowedBy, ConfigError, dirCore, each, escapeHtml, etagOf, flag, httpDate, OK, Opt, optionBits, raw, word,
  withTrailingSlash, DECLINED,
  type Command, type Configured, type Directive, type Module, type Request, type Status,
} from 'httpd'
import { bytesOf, writeHead, writeTail } from './autoindex/amble.ts'
import { openDirectory, readEntries } from './autoindex/entries.ts'
import { Option, readOptions } from './autoindex/options.ts'
import { formOf } from './autoindex/page.ts'
import { viewOf, type View } from './autoindex/query.ts'
import { descriptionOf, DIRECTORY, ignoreRule, ruleOf, type Kind, type Rule } from './autoindex/rules.ts'
import { autoindex, NO_LISTING, type Key, type Listing } from './autoindex/settings.ts'
import { sortEntries, type Entry } from './autoindex/sort.ts'

const DIRECTORY_TYPE = 'httpd/unix-directory'
/** Rows go out in pieces of about so many characters. */
const PIECE = 16_384

const isRead = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD'

/** Where Options has no Indexes. */
export function forbidden(r: Request): Status {
  if (r.finfo.type !== 'directory' || !isRead(r)) return DECLINED
  // mod_dir notes what it looked for.
  const names = r.notes.get('dir-index-names') ?? 'none'
  r.log('error', 'autoindex', `AH01276: Cannot serve directory ${r.filename ?? ''}: No matching DirectoryIndex (${names}) found, and server-generated directory index forbidden by Options directive`)
  return 403
}

/** Where it has. */
export async function list(r: Request): Promise<Status> {
  if (r.finfo.type !== 'directory' || !isRead(r)) return DECLINED
  while (r.hasBody && await r.read() !== null) { /* thrown away: nobody wants it */ }
  r.filename = withTrailingSlash(r.filename!)
  const { listing } = r.dir(autoindex)
  const view = viewOf(listing, r.args)
  const directory = openDirectory(r)
  if (directory === undefined) return 403
  setHeaders(r, listing, view.options)
  if (r.isHead) directory.closeSync()
  return r.isHead ? OK : writePage(r, listing, view, await readEntries(r, listing, view, directory))
}

async function writePage(r: Request, listing: Listing, view: View, entries: Entry[]): Promise<Status> {
  const { key, ascending, options } = view
  sortEntries(entries, {
    key, ascending, versions: (options & Option.versionSort) !== 0, ignoreCase: (options & Option.ignoreCase) !== 0,
  })
  await writeHead(r, listing, options, titleOf(r.uri))
  const { head, row, tail } = formOf(listing, view, entries)
  let text = head
  for (const [i, entry] of entries.entries()) {
    text += row(entry, i)
    if (text.length < PIECE) continue
    await r.write(bytesOf(text))
    text = ''
  }
  await r.write(bytesOf(text + tail))
  await writeTail(r, listing, options)
  return OK
}

const titleOf = (uri: string): string => escapeHtml(uri).replace(/(?<=.)\/+$/s, '')

function setHeaders(r: Request, { options: { type, charset } }: Listing, options: number): void {
  const set = charset ?? 'ISO-8859-1'
  r.contentType = `${type ?? 'text/html'}${set === '' ? '' : `;charset=${set}`}`
  if (!(options & Option.trackModified)) return
  r.headersOut.set('Last-Modified', httpDate(Math.min(r.finfo.mtimeMs, r.requestTime)))
  const etag = etagOf(r, r.finfo)
  if (etag !== undefined) r.headersOut.set('ETag', etag)
}

type Said = { listing?: Listing }

/** Adds to what has been said in the same place. */
function add(said: Said, command: Command, change: (before: Listing) => Partial<Listing>): void {
  const before = said.listing ?? NO_LISTING
  const isOutermost = command.path === undefined && !command.htaccess && !command.server.virtual
  said.listing = { ...before, ...change(before), isOutermost }
}


/** What a name stands for in a configuration. */
function nameOf(kind: Kind, name: string): string {
  if (kind === 'path' && name === '**DIRECTORY**') return DIRECTORY
  return kind === 'encoding' ? name.toLowerCase() : name
}

const rule = (kind: Kind, name: string, command: Command, data: string): Rule =>
  ruleOf(kind, nameOf(kind, name), command.path, data)

const WORDS: Readonly<Record<Exclude<Kind, 'any'>, string>> = { path: 'filenames', type: 'MIME types', encoding: 'content encodings' }

/** `AddIcon icon name ...`; the icon may be `(ALT,icon)`. */
const addIcon = (name: string, kind: 'path' | 'type' | 'encoding'): Directive =>
  autoindex.directive(name, [word, each(word)], (said, command, icon, names) => {
    const [alt, url] = iconOf(icon)
    add(said, command, ({ icons, alts }) => ({
      icons: [...icons, ...names.map((to) => rule(kind, to, command, url))],
      alts: alt === undefined ? alts : [...alts, ...names.map((to) => rule(kind, to, command, alt))],
    }))
  }, INDEXES, `an icon URL followed by one or more ${WORDS[kind]}`)

/** @throws ConfigError */
function iconOf(text: string): [alt: string | undefined, url: string] {
  if (!text.startsWith('(')) return [undefined, text]
  const end = text.indexOf(')')
  if (end < 0) throw new ConfigError('missing closing paren')
  const [alt = '', url = ''] = /^([^,]*),*(.*)$/s.exec(text.slice(1, end))?.slice(1) ?? []
  return [alt, url]
}

const addAlt = (name: string, kind: 'path' | 'type' | 'encoding'): Directive =>
  autoindex.directive(name, [word, each(word)], (said, command, text, names) => {
    add(said, command, ({ alts }) => ({ alts: [...alts, ...names.map((to) => rule(kind, to, command, text))] }))
  }, INDEXES, `alternate descriptive text followed by one or more ${WORDS[kind]}`)

const addFile = (name: string, list: 'headers' | 'readmes'): Directive =>
  autoindex.directive(name, [word], (said, command, file) => {
    add(said, command, (before) => ({ [list]: [...before[list], ruleOf('any', '', command.path, file)] }))
  }, INDEXES, 'a filename')

const KEYS: Readonly<Record<string, Key>> = { name: 'N', date: 'M', size: 'S', description: 'D' }

function orderOf(direction: string, column: string): { key: Key; ascending: boolean } {
  if (!/^(?:ascending|descending)$/i.test(direction)) {
    throw new ConfigError("First keyword must be 'Ascending' or 'Descending'")
  }
  const key = KEYS[column.toLowerCase()]
  if (key === undefined) throw new ConfigError("Second keyword must be 'Name', 'Date', 'Size', or 'Description'")
  return { key, ascending: /^a/i.test(direction) }
}

/** Words of a line that is read as it stands. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S+)/gs)]
    .map(([, double, single, plain]) => (double ?? single)?.replace(/\\(["'\\])/g, '$1') ?? plain ?? '')

const NO_FANCY_INDEXING = 'The FancyIndexing directive is no longer supported. Use IndexOptions FancyIndexing.'
const INDEXES = allowedBy('Indexes')
const lists = ({ dir }: Configured): boolean => (optionBits(dir(dirCore).options) & Opt.indexes) !== 0

export const module = {
  name: 'autoindex_module',
  file: 'mod_autoindex.c',
  settings: [autoindex],
  directives: [
    addIcon('AddIcon', 'path'), addIcon('AddIconByType', 'type'), addIcon('AddIconByEncoding', 'encoding'),
    addAlt('AddAlt', 'path'), addAlt('AddAltByType', 'type'), addAlt('AddAltByEncoding', 'encoding'),
    autoindex.directive('IndexOptions', [raw], (said, command, line) => {
      add(said, command, ({ options }) => ({ options: readOptions(options, wordsOf(line)) }))
    }, INDEXES, 'one or more index options [+|-][]'),
    autoindex.directive('IndexOrderDefault', [word, word], (said, command, direction, column) => {
      add(said, command, () => ({ order: orderOf(direction, column) }))
    }, INDEXES, '{Ascending,Descending} {Name,Size,Description,Date}'),
    autoindex.directive('IndexIgnore', [each(word)], (said, command, names) => {
      add(said, command, ({ ignored }) =>
        ({ ignored: [...ignored, ...names.map((name) => ignoreRule(name, command.path))] }))
    }, INDEXES, 'one or more file extensions'),
    autoindex.directive('IndexIgnoreReset', [flag], (said, command, ignoreReset) => {
      add(said, command, () => ({ ignoreReset }))
    }, INDEXES, 'Reset the inherited list of IndexIgnore filenames'),
    autoindex.directive('AddDescription', [word, each(word)], (said, command, text, names) => {
      add(said, command, ({ descriptions }) =>
        ({ descriptions: [...descriptions, ...names.map((name) => descriptionOf(name, text))] }))
    }, INDEXES, 'Descriptive text followed by one or more filenames'),
    addFile('HeaderName', 'headers'), addFile('ReadmeName', 'readmes'),
    autoindex.directive('FancyIndexing', [raw], () => {
      throw new ConfigError(NO_FANCY_INDEXING)
    }, INDEXES, NO_FANCY_INDEXING),
    autoindex.directive('DefaultIcon', [word], (said, command, defaultIcon) => {
      add(said, command, () => ({ defaultIcon }))
    }, INDEXES, 'an icon URL'),
    autoindex.directive('IndexStyleSheet', [word], (said, command, styleSheet) => {
      add(said, command, () => ({ styleSheet }))
    }, INDEXES, 'URL to style sheet'),
    autoindex.directive('IndexHeadInsert', [word], (said, command, headInsert) => {
      add(said, command, () => ({ headInsert }))
    }, INDEXES, 'String to insert in HTML HEAD section'),
  ],
  register({ handler }, on) {
    on(handler, forbidden, { handler: DIRECTORY_TYPE, quick: true, when: (settings) => !lists(settings) })
    on(handler, list, { handler: DIRECTORY_TYPE, when: lists })
  },
} satisfies Module
