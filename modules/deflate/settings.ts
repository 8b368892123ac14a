/** What mod_deflate's directives say. Data only. */
import { ConfigError, parsed, Settings, type Arg } from 'httpd'
import { alterETagArg, withNote } from '../shared/compress/directives.ts'
import type { Notes } from '../shared/compress/filter.ts'
import type { AlterETag } from '../shared/compress/negotiation.ts'

export interface Conf {
  /** 1 to 9; -1: the library's own. */
  readonly level: number
  /** Binary logarithm of bytes. */
  readonly window: number
  readonly memLevel: number
  /** Bytes of a piece that comes out. */
  readonly buffer: number
  readonly alterETag: AlterETag
  readonly notes: Notes
}

export const DEFAULTS: Conf = { level: -1, window: 15, memLevel: 9, buffer: 8096, alterETag: 'AddSuffix', notes: {} }

/** One value: as in Apache a virtual host that says any of it inherits nothing of the rest. */
export const deflate = new Settings('server', { conf: DEFAULTS })
export type Said = Partial<typeof deflate.defaults>

export const say = (said: { conf?: Conf }, more: Partial<Conf>): void =>
  void (said.conf = { ...(said.conf ?? DEFAULTS), ...more })

/** DeflateBufferSize as the library takes it: it has that much memory ready, whatever comes. */
export const pieceSize = (bytes: number): number => Math.min(Math.max(64, bytes), 1024 * 1024)

/** What holds for request bodies. */
export interface Limits {
  /** Bytes of a body when it has been inflated; 0: LimitRequestBody counts for it. */
  readonly body: number
  /** More bytes out for one in than this … */
  readonly ratio: number
  /** … are refused when they have come so many times in a row. */
  readonly burst: number
}

const NO_LIMITS: Limits = { body: 0, ratio: 200, burst: 3 }

/** One value, for the same reason. */
export const inflating = new Settings('directory', { limits: NO_LIMITS })
export type InflatingSaid = Partial<typeof inflating.defaults>

export const limit = (said: { limits?: Limits }, more: Partial<Limits>): void =>
  void (said.limits = { ...(said.limits ?? NO_LIMITS), ...more })

export const alterETag = alterETagArg("DeflateAlterETAG accepts only 'NoChange', 'AddSuffix', and 'Remove'")

/** Bytes of a body, a whole number that fits into 64 bits. */
export const bodyLimit: Arg<number> = parsed((text) => {
  if (!/^\s*\+?\d+$/.test(text)) throw new ConfigError('DeflateInflateLimitRequestBody requires a non-negative integer.')
  const value = BigInt(text.trim().replace('+', ''))
  if (value > 0x7fffffffffffffffn) throw new ConfigError('DeflateInflateLimitRequestBody is not parsable.')
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER)
})

export function note(said: { conf?: Conf }, first: string, second: string | undefined): void {
  const { notes } = said.conf ?? DEFAULTS
  say(said, { notes: withNote(notes, first, second, (kind) => `Unknown note type ${kind}`) })
}
