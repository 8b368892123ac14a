/*
 * How the memory of a shmcb cache is laid out, worked out from its size and what is expected to be kept in it.
 *
 *   figures                          counters of the whole cache
 *   per subcache: head               its lock, and where its two rings begin and how full they are
 *                 index              a row for each object, in the order in which they came
 *                 data               id and value of each, in the same order, going on at the front behind the end
 */
import type { SocacheHints } from 'httpd'

/** Words of the whole cache. */
export const Figure = {
  stores: 0, replaced: 1, expired: 2, evicted: 3, hits: 4, misses: 5, removed: 6, notRemoved: 7, busy: 8, refused: 9, cleared: 10,
} as const
const FIGURE_BYTES = 64

/** Words of a subcache. */
export const Head = { lock: 0, first: 1, count: 2, dataFirst: 3, dataUsed: 4 } as const
const HEAD_BYTES = 32

/** Words of a row of the index; the time is one number of 64 bit, ms since the epoch. */
export const Entry = { hash: 0, data: 1, idBytes: 2, valueBytes: 3, expires: 4, removed: 6 } as const
export const ENTRY_BYTES = 32

const MOST_SUBCACHES = 256
/** A subcache has room for so many objects of the expected size, if the memory allows. */
const OBJECTS_EACH = 12
/** Where nothing is said of the objects: Apache's guesses. */
const OBJECT_BYTES = 150
const ID_BYTES = 30

export interface Layout {
  readonly subcaches: number
  /** Bytes from one subcache to the next. */
  readonly stride: number
  readonly entries: number
  /** Bytes for ids and values. */
  readonly data: number
  /** Byte offsets, the last two within a subcache. */
  readonly first: number
  readonly indexAt: number
  readonly dataAt: number
}

/** @param bytes of the memory, 8192 at least */
export function layoutOf(bytes: number, { averageObject, averageId }: Pick<SocacheHints, 'averageObject' | 'averageId'>): Layout {
  const each = (averageObject || OBJECT_BYTES) + (averageId || ID_BYTES)
  const room = bytes - FIGURE_BYTES
  let subcaches = MOST_SUBCACHES
  while (subcaches > 1 && room / subcaches - HEAD_BYTES < OBJECTS_EACH * (each + ENTRY_BYTES)) subcaches /= 2
  const stride = Math.floor(room / subcaches / 8) * 8
  // Objects of half that size still find a row.
  const entries = Math.max(1, Math.floor((stride - HEAD_BYTES) / (each / 2 + ENTRY_BYTES)))
  const dataAt = HEAD_BYTES + entries * ENTRY_BYTES
  return { subcaches, stride, entries, data: stride - dataAt, first: FIGURE_BYTES, indexAt: HEAD_BYTES, dataAt }
}

/** FNV-1a, 32 bits. */
export function hashOf(id: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id[i]!, 0x01000193)
  return hash ^ (hash >>> 15)
}
