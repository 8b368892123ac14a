/*
 * mod_mime_magic: the type of a file that its name does not tell, from its first bytes. It reads them, so it is no
 * matter for event's listener; what it has found is remembered for as long as the file stays the same.
 */
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import {
  DECLINED, errnoPrefix, fsPath, HANDOVER, OK, Order, RSRC_CONF, Settings, word,
  type Answer, type FileInfo, type Module, type Request, type Startup, type Status,
} from 'httpd'
import { guess } from './mime_magic/guess.ts'
import { messagesOf } from './mime_magic/match.ts'
import { parseRules, type Rule } from './mime_magic/rules.ts'

const magic = new Settings('server', { file: undefined as string | undefined })

/** Bytes of a file that are looked at. */
const MOST = 4096

/** Rules by the name of their file. */
const known = new Map<string, readonly Rule[]>()

/** post_config: a file that cannot be read, or not all of it, is an error in the log and no more. */
export function readRules(startup: Startup): Status {
  if (startup.checking) return OK
  known.clear()
  const complain = (text: string): void => {
    if (!startup.inChild) startup.note('error', 'mime_magic', text)
  }
  for (const server of startup.server.all) {
    const { file } = server.get(magic)
    if (file !== undefined && !known.has(file)) known.set(file, rulesOf(file, complain))
  }
  return OK
}

function rulesOf(file: string, complain: (text: string) => void): readonly Rule[] {
  try {
    return parseRules(readFileSync(fsPath(file), 'latin1'), (line, text) => complain(`${text} (${file}:${line})`))
  } catch (error) {
    complain(`${errnoPrefix(error)}AH01515: mod_mime_magic: can't read magic file ${file}`)
    return []
  }
}

interface Found { readonly type?: string; readonly encoding?: string }

const NOTHING: Found = {}

/** What was found, and of which file it was. */
interface Remembered { readonly found: Found; readonly rules: readonly Rule[]; readonly mtimeMs: number; readonly size: number; readonly ino: number }

const remembered = new WeakMap<FileInfo, Remembered>()
/** A file that changed this recently (ms) may change again and look the same. */
const SETTLED = 2000

/** type_checker, behind mod_mime. */
export function findType(r: Request): Answer<Status> {
  const { finfo, filename } = r
  if (r.contentType !== undefined || finfo.type === 'none' || filename === undefined) return DECLINED
  const rules = known.get(r.server.get(magic).file!)
  if (rules === undefined || rules.length === 0) return DECLINED
  if (finfo.type === 'directory') return settle(r, { type: 'httpd/unix-directory' })
  const before = remembered.get(finfo)
  if (before?.rules === rules && before.mtimeMs === finfo.mtimeMs && before.size === finfo.size && before.ino === finfo.ino)
    return settle(r, before.found)
  if (!r.mayBlock) return HANDOVER
  return /@\d+$/.test(filename) ? byOtherName(r, filename, rules) : settle(r, look(r, filename, rules))
}

/** A revision, `NAME@7`, is of the type that NAME is. */
async function byOtherName(r: Request, filename: string, rules: readonly Rule[]): Promise<Status> {
  const found = await r.subLookupFile(filename.replace(/@\d+$/, ''))
  const { contentType, contentEncoding, contentLanguages = [] } = found
  r.forgetLookup(found)
  if (contentType === undefined) return settle(r, look(r, filename, rules))
  r.contentType = contentType
  if (contentEncoding !== undefined) r.contentEncoding = contentEncoding
  if (contentLanguages.length > 0) r.contentLanguages = contentLanguages
  return DECLINED
}

function settle(r: Request, { type, encoding }: Found): Status {
  if (encoding !== undefined) r.contentEncoding = encoding
  if (type === undefined) return DECLINED
  r.contentType = type
  return OK
}

function look(r: Request, filename: string, rules: readonly Rule[]): Found {
  const { type, size, mtimeMs, ino } = r.finfo
  if (type === 'other') return { type: 'application/octet-stream' }
  if (size === 0) return { type: 'text/plain' }
  const bytes = beginning(r, filename)
  if (bytes === undefined) return NOTHING
  const found = judge(bytes, rules, () => {
    r.log('error', 'mime_magic', `AH01554: mod_mime_magic: read failed from uncompress of ${filename}`)
  })
  if (r.requestTime - mtimeMs > SETTLED) remembered.set(r.finfo, { found, rules, mtimeMs, size, ino })
  return found
}

function beginning(r: Request, filename: string): Uint8Array | undefined {
  let fd
  try {
    // It may have become a pipe since it was looked at, which would wait for its other end.
    fd = openSync(fsPath(filename), constants.O_RDONLY | constants.O_NONBLOCK)
    const bytes = new Uint8Array(MOST)
    return bytes.subarray(0, readSync(fd, bytes, 0, MOST, 0))
  } catch (error) {
    const text = fd === undefined ? `AH01512: mod_mime_magic: can't read \`${filename}'` : `AH01513: mod_mime_magic: read failed: ${filename}`
    r.log('error', 'mime_magic', `${errnoPrefix(error)}${text}`, error)
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** @param isBroken called where it looks packed and cannot be unpacked */
export function judge(bytes: Uint8Array, rules: readonly Rule[], isBroken: () => void): Found {
  const inside = unpacked(bytes)
  if (inside?.length === 0) {
    isBroken()
    return NOTHING
  }
  const packed = inside && typeOf(inside.subarray(0, -1), rules)
  if (packed?.isSure === true) return { ...packed.found, encoding: packed.found.encoding ?? 'x-gzip' }
  const { found } = typeOf(bytes, rules)
  return inside === undefined ? found : { encoding: 'x-gzip', ...found }
}

/** The beginning of what gzip has packed; empty: it cannot be unpacked; undefined: it has not been packed. */
function unpacked(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return undefined
  // Few files are: what is not needed is not loaded.
  const { constants: { Z_SYNC_FLUSH }, gunzipSync } = process.getBuiltinModule('node:zlib')
  try {
    // From so few bytes come at most four millions.
    return gunzipSync(bytes, { finishFlush: Z_SYNC_FLUSH }).subarray(0, MOST)
  } catch {
    return new Uint8Array(0)
  }
}

/** `isSure`: something has been said of it, if only that it has no type. */
function typeOf(bytes: Uint8Array, rules: readonly Rule[]): { readonly isSure: boolean; readonly found: Found } {
  const said = messagesOf(rules, bytes) ?? guess(bytes)
  return { isSure: said !== undefined, found: said === undefined ? NOTHING : readMessages(said) }
}

/** `TYPE/SUBTYPE [ENCODING]`; anything else is none. */
export function readMessages(said: string): Found {
  const [, type, encoding] = /^\s*(\S[^\s/]*\/\S*)(?:\s+(\S+))?/.exec(said) ?? []
  if (type === undefined) return NOTHING
  return { type: type.toLowerCase(), ...(encoding !== undefined && { encoding: encoding.toLowerCase() }) }
}

export const module = {
  name: 'mime_magic_module',
  file: 'mod_mime_magic.c',
  settings: [magic],
  directives: [
    magic.directive('MimeMagicFile', [word], (said, command, path) => {
      said.file = command.serverRootRelative(path)
    }, RSRC_CONF, 'Path to MIME Magic file (in file(1) format)'),
  ],
  register({ postConfig, typeChecker }, on) {
    on(postConfig, readRules, { order: Order.first })
    on(typeChecker, findType, {
      after: ['mime_module'], quick: true, when: ({ server }) => server(magic).file !== undefined,
    })
  },
} satisfies Module
