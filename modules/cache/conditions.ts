/** What a client wants to know of the response that it has, and our own questions in the place of that. */
import { listHasETag, parseHttpDate, type Field, type Request } from 'httpd'
import { fieldOf } from './freshness.ts'

const CONDITIONS = ['If-Match', 'If-Modified-Since', 'If-None-Match', 'If-Range', 'If-Unmodified-Since'] as const
/** Parts are cut out of the whole, once that is here. */
const REPLACED = [...CONDITIONS, 'Range'] as const

/** A date as young as this (ms) says nothing for sure. */
const WEAK_DATE = 60_000

/**
 * A condition of the request does not hold for what is stored: the origin has to say what holds (RFC 9111 section 4.3.2).
 * As Apache: If-Unmodified-Since is judged by what is stored.
 */
export function disagrees(r: Request, fields: readonly Field[]): boolean {
  const asked = (name: string): string | undefined => r.headersIn.get(name)
  if (CONDITIONS.every((name) => asked(name) === undefined)) return false
  const etag = fieldOf(fields, 'ETag')
  const changed = parseHttpDate(fieldOf(fields, 'Last-Modified') ?? '')
  const mtime = Number.isNaN(changed) ? Math.floor(r.requestTime / 1000) * 1000 : changed
  const matches = (list: string, strong: boolean): boolean =>
    list.trim() === '*' || (etag !== undefined && listHasETag(list, etag, strong))
  const isOther = (name: string, strong: boolean): boolean => {
    const list = asked(name)
    return list !== undefined && !matches(list, strong)
  }
  const since = asked('If-Modified-Since')
  const range = asked('If-Range')
  return isOther('If-Match', true) ||
    isOther('If-None-Match', asked('Range') !== undefined) ||
    (since !== undefined && !(parseHttpDate(since) >= mtime && parseHttpDate(since) <= r.requestTime)) ||
    (range !== undefined && asked('Range') !== undefined && !isSameRange(range, etag, mtime, r.requestTime))
}

const isSameRange = (range: string, etag: string | undefined, mtime: number, now: number): boolean =>
  range.startsWith('"') ? range === etag : parseHttpDate(range) === mtime && now - mtime > WEAK_DATE

/** The client's own conditions and ranges, while ours stand in their place. */
export class Questions {
  readonly #own: readonly (readonly [name: string, value: string])[]

  /** Asks whether what is stored still holds; with nothing to ask by, it is asked for as such. */
  constructor(r: Request, fields: readonly Field[]) {
    const [etag, changed] = [fieldOf(fields, 'ETag'), fieldOf(fields, 'Last-Modified')]
    const table = r.editHeadersIn()
    const replaced = etag === undefined && changed === undefined ? CONDITIONS : REPLACED
    this.#own = replaced.flatMap((name) => {
      const value = table.get(name)
      if (value !== undefined) table.unset(name)
      return value === undefined ? [] : [[name, value] as const]
    })
    if (etag !== undefined) table.set('If-None-Match', etag)
    if (changed !== undefined) table.set('If-Modified-Since', changed)
  }

  takeBack(r: Request): void {
    const table = r.editHeadersIn()
    for (const name of CONDITIONS) table.unset(name)
    for (const [name, value] of this.#own) table.set(name, value)
  }
}
