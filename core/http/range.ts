// Byte ranges (RFC 9110 section 14), with the limits of MaxRanges, MaxRangeOverlaps and MaxRangeReversals.
//
// One rule: a client that asks for nonsense, or for more than the file, gets the file; only a well-formed request that
// lies wholly behind the end of it gets 416.

/** A part [first, last], both included. */
export type ByteRange = readonly [first: number, last: number]

export interface RangeLimits {
  /** MaxRanges; 0 is unlimited, -1 none: the header is ignored. */
  readonly ranges: number
  /** MaxRangeOverlaps; likewise. */
  readonly overlaps: number
  /** MaxRangeReversals; likewise. */
  readonly reversals: number
}

export const DEFAULT_RANGE_LIMITS: RangeLimits = { ranges: 200, overlaps: 20, reversals: 20 }

/** Positions of up to 15 digits are exact numbers, those of up to 19 can be compared; longer ones are malformed. */
const MAX_POSITION = 2 ** 63

/**
 * Reads a Range header for a representation of `length` bytes.
 * @returns the parts in the order asked for, merged where they touch their predecessor; 'ignore' for a response of the
 *   whole; 416 when no part lies inside.
 */
export function parseRange(value: string, length: number, limits: RangeLimits): ByteRange[] | 'ignore' | 416 {
  // Of nothing there is no part to send, and none missing.
  if (length === 0 || value.slice(0, 6).toLowerCase() !== 'bytes=' || limits.ranges < 0) return 'ignore'
  const merger = new Merger()
  let beyond = false
  const specs = value.slice(6).split(',')
  if (specs[0] === '') return 'ignore'
  for (const spec of specs) {
    // Empty elements of a list are skipped (RFC 9110 section 5.6.1.2), except at its beginning, as in Apache.
    if (spec === '') continue
    const range = parseSpec(spec, length)
    if (range === undefined) return 'ignore'
    if (range[0] === 0 && spec.endsWith('-')) return [range]
    if (range[0] >= length) beyond = true
    else merger.add(range)
  }
  if (merger.parts.length === 0) return beyond ? 416 : 'ignore'
  return merger.isWithin(limits, length) ? merger.parts : 'ignore'
}

/** One `a-b`, `a-` or `-n`; undefined when malformed. The end is cut at the end of the file, the start is not. */
function parseSpec(spec: string, length: number): ByteRange | undefined {
  const form = /^(\d*)-(\d*)$/.exec(spec)
  if (form === null) return undefined
  const first = Number(form[1]!), last = Number(form[2]!)
  if (first >= MAX_POSITION || last >= MAX_POSITION) return undefined
  if (form[1] === '') return last === 0 ? undefined : [Math.max(0, length - last), length - 1]
  if (form[2] === '') return [first, length - 1]
  return first > last ? undefined : [first, Math.min(last, length - 1)]
}

/**
 * Collects parts; one that overlaps or touches the part before it is merged with that, which counts as an overlap and,
 * when it grows towards the beginning, as a reversal.
 */
class Merger {
  readonly parts: Array<[number, number]> = []
  private overlaps = 0
  private reversals = 0

  add([first, last]: ByteRange): void {
    const before = this.parts.at(-1)
    if (before === undefined || first > before[1] + 1 || last + 1 < before[0]) {
      this.parts.push([first, last])
      return
    }
    this.overlaps++
    if (first < before[0]) {
      before[0] = first
      this.reversals++
    }
    before[1] = Math.max(before[1], last)
  }

  isWithin(limits: RangeLimits, length: number): boolean {
    const asked = this.parts.reduce((sum, [first, last]) => sum + last - first + 1, 0)
    return asked <= length && isBelow(this.parts.length, limits.ranges) &&
      isBelow(this.overlaps, limits.overlaps) && isBelow(this.reversals, limits.reversals)
  }
}

function isBelow(count: number, limit: number): boolean {
  return limit === 0 || count <= Math.max(0, limit)
}

/** `bytes 0-9/100`. */
export function contentRange([first, last]: ByteRange, length: number): string {
  return `bytes ${first}-${last}/${length}`
}

/** A boundary of 16 hexadecimal digits; the caller provides what makes it differ from all others. */
export function rangeBoundary(nowUs: number, serial: number): string {
  const low = (Math.imul(serial, 0x9e3779b1) ^ serial) >>> 0
  return nowUs.toString(16).slice(-8).padStart(8, '0') + low.toString(16).padStart(8, '0')
}

/** The type of a multipart answer. */
export function multipartType(boundary: string): string {
  return `multipart/byteranges; boundary=${boundary}`
}

/** What stands before each part of a multipart answer. */
export function partHead(boundary: string, type: string | undefined, range: ByteRange, length: number): string {
  const typeLine = type === undefined ? '' : `Content-type: ${type}\r\n`
  return `\r\n--${boundary}\r\n${typeLine}Content-range: ${contentRange(range, length)}\r\n\r\n`
}

/** What stands behind the last part. */
export function multipartEnd(boundary: string): string {
  return `\r\n--${boundary}--\r\n`
}

/** Bytes of a whole multipart body. */
export function multipartLength(
  boundary: string, type: string | undefined, ranges: readonly ByteRange[], length: number,
): number {
  let total = multipartEnd(boundary).length
  for (const range of ranges) total += partHead(boundary, type, range, length).length + range[1] - range[0] + 1
  return total
}
