/*
 * mod_brotli: the filter BROTLI_COMPRESS for clients that accept `br`.
 */
import { constants, brotliCompress, brotliCompressSync, createBrotliCompress, type BrotliOptions } from 'node:zlib'
import { optional, RSRC_CONF, Settings, word, type Arg, type Module } from 'httpd'
import { alterETagArg, between, withNote } from './shared/compress/directives.ts'
import { compressingFilter, type Compression, type Notes } from './shared/compress/filter.ts'
import { Kept, type Coded } from './shared/compress/coder.ts'
import type { AlterETag } from './shared/compress/negotiation.ts'

interface Conf {
  readonly quality: number
  /** Binary logarithm of bytes. */
  readonly window: number
  /** The same; 0: the library decides. */
  readonly block: number
  readonly alterETag: AlterETag
  readonly notes: Notes
}

const DEFAULTS: Conf = { quality: 5, window: 18, block: 0, alterETag: 'AddSuffix', notes: {} }

/** One value: as in Apache a virtual host that says any of it inherits nothing of the rest. */
const brotli = new Settings('server', { conf: DEFAULTS })
type Said = Partial<typeof brotli.defaults>

const say = (said: { conf?: Conf }, more: Partial<Conf>): void => void (said.conf = { ...(said.conf ?? DEFAULTS), ...more })

const limited = (name: string, least: number, most: number): Arg<number> =>
  between(least, most, `${name} must be between ${least} and ${most}`)

const alterETag = alterETagArg("BrotliAlterETag accepts only 'AddSuffix', 'NoChange' and 'Remove'")

function note(said: { conf?: Conf }, first: string, second: string | undefined): void {
  const { notes } = said.conf ?? DEFAULTS
  say(said, { notes: withNote(notes, first, second, (kind) => `Unknown BrotliFilterNote type '${kind}'`) })
}

const made = new WeakMap<Conf, Compression>()

export function compressionOf(conf: Conf): Compression {
  let compression = made.get(conf)
  if (compression === undefined) made.set(conf, compression = make(conf))
  return compression
}

function make({ quality, window, block, alterETag, notes }: Conf): Compression {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: window, [constants.BROTLI_PARAM_LGBLOCK]: block,
  }
  const options: BrotliOptions = { params }
  const sized = (bytes: Uint8Array): BrotliOptions => ({ params: { ...params, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
  const coding = {
    now: (bytes: Uint8Array) => brotliCompressSync(bytes, sized(bytes)),
    soon: (bytes: Uint8Array, done: (error: Error | null, coded: Uint8Array) => void) => brotliCompress(bytes, sized(bytes), done),
    stream: () => createBrotliCompress(options) as Coded,
  }
  return { coding, kept: new Kept(), alterETag, notes }
}

export const filter = compressingFilter({
  name: 'BROTLI_COMPRESS', coding: 'br', notAbove: -1, envelope: 0,
  isOff: (r) => r.env.has('no-brotli'),
  isForced: () => false,
  compressionOf: (r) => compressionOf(r.server.get(brotli).conf),
  log: () => undefined,
})

export const module = {
  name: 'brotli_module',
  file: 'mod_brotli.c',
  settings: [brotli],
  outputFilters: [filter],
  directives: [
    brotli.directive('BrotliFilterNote', [word, optional(word)], (said: Said, _, first, second) => note(said, first, second),
      RSRC_CONF, 'Name of a note for the log: of the ratio, or behind Input, Output or Ratio of that'),
    brotli.directive('BrotliCompressionQuality', [limited('BrotliCompressionQuality', 0, 11)],
      (said: Said, _, quality) => say(said, { quality }), RSRC_CONF, 'Quality of compression, from 0 (fast) to 11 (small)'),
    brotli.directive('BrotliCompressionWindow', [limited('BrotliCompressionWindow', 10, 24)],
      (said: Said, _, window) => say(said, { window }), RSRC_CONF, 'Size of the sliding window, as a power of two from 10 to 24'),
    brotli.directive('BrotliCompressionMaxInputBlock', [limited('BrotliCompressionMaxInputBlock', 16, 24)],
      (said: Said, _, block) => say(said, { block }), RSRC_CONF, 'Largest block of input, as a power of two from 16 to 24'),
    brotli.directive('BrotliAlterETag', [alterETag], (said: Said, _, value) => say(said, { alterETag: value }), RSRC_CONF,
      'What becomes of the ETag of a compressed response: AddSuffix, NoChange or Remove'),
  ],
} satisfies Module
