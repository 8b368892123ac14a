/**
 * One object of the shared cache: the length of its head in four bytes, the head as JSON, the body. Under the key of a URL
 * stands an entry, or the index of its variants. Pure.
 */
import { headFromJson, isIndex, isKept, readJson, type Index, type Kept } from '../shared/cache/variants.ts'

export interface Record {
  readonly index: Index
  /** Undefined: there is only the index. */
  readonly kept?: Kept
}

/** Bytes of the length. */
const PREFIX = 4

export function packed(record: Record, body: Uint8Array): Buffer {
  const head = Buffer.from(JSON.stringify(record), 'latin1')
  const bytes = Buffer.allocUnsafe(PREFIX + head.length + body.length)
  bytes.writeUInt32LE(head.length)
  head.copy(bytes, PREFIX)
  bytes.set(body, PREFIX + head.length)
  return bytes
}

export interface Unpacked extends Record { readonly body: Uint8Array }

/** @returns undefined: not what was packed, or not all of it */
export function unpacked(bytes: Uint8Array): Unpacked | undefined {
  if (bytes.length < PREFIX) return undefined
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = PREFIX + all.readUInt32LE()
  const record = end > all.length ? undefined : readJson<Record>(all.toString('latin1', PREFIX, end))
  if (record === undefined || !isIndex(record.index)) return undefined
  const { index, kept } = record
  const body = all.subarray(end)
  if (kept === undefined) return { index, body }
  return isKept(kept) && kept.length === body.length ? { index, kept: { ...kept, head: headFromJson(kept.head) }, body } : undefined
}
