// Entity tags of files, and comparing tags (RFC 9110 section 8.8.3).
//
// One rule: a tag made here is weak while the file is so young that a change within the same second could hide.

/** Which parts of a file's state FileETag puts into the tag. */
export interface ETagParts {
  readonly inode: boolean
  readonly mtime: boolean
  readonly size: boolean
}

/** FileETag's default: `MTime Size`. */
export const DEFAULT_ETAG: ETagParts = { inode: false, mtime: true, size: true }

/** One second: a file changed more recently than this gets a weak tag. */
const YOUNG_US = 1_000_000

/**
 * The tag of a file, for instance `"64-60dedc04dd340"`: the chosen of inode, size and mtime in hexadecimal.
 * @param mtimeUs modification time, microseconds since 1970; nowUs the request's time in the same unit.
 * @returns undefined when FileETag is None.
 */
export function fileETag(
  parts: ETagParts, inode: number, size: number, mtimeUs: number, nowUs: number,
): string | undefined {
  if (!parts.inode && !parts.size && !parts.mtime) return undefined
  let tag = parts.inode ? inode.toString(16) : ''
  if (parts.size) tag += (tag === '' ? '' : '-') + size.toString(16)
  if (parts.mtime) tag += (tag === '' ? '' : '-') + mtimeUs.toString(16)
  return nowUs - mtimeUs > YOUNG_US ? `"${tag}"` : `W/"${tag}"`
}

/** The tag of a content by its SHA-1 in base64 (FileETag Digest): strong however young the file is. */
export const digestETag = (sha1: string): string => `"${sha1}"`

const WEAK = /^W\//i

/** The tag of a variant that was chosen from a list: `"variant;list"`, weak if either is (RFC 2295 section 9.2). */
export function variantETag(variant: string, list: string): string {
  const weak = WEAK.test(list) && !WEAK.test(variant) ? 'W/' : ''
  return `${weak}${variant.slice(0, -1)};${list.replace(WEAK, '').slice(1)}`
}

/** Whether two tags are equal: strongly (neither weak) or weakly (weakness does not count). */
export function sameETag(one: string, other: string, strong: boolean): boolean {
  if (strong) return one === other && !WEAK.test(one)
  return one.replace(WEAK, '') === other.replace(WEAK, '')
}

/**
 * Whether a list of tags (the value of If-Match or If-None-Match) has `etag` in it.
 * Commas inside quotes belong to the tag; what is not quoted is compared as it stands.
 */
export function listHasETag(list: string, etag: string, strong: boolean): boolean {
  let at = 0
  while (at < list.length) {
    const end = endOfTag(list, at)
    const tag = list.slice(at, end).trim()
    if (tag !== '' && sameETag(tag, etag, strong)) return true
    at = end + 1
  }
  return false
}

function endOfTag(list: string, at: number): number {
  let quoted = false
  while (at < list.length) {
    const char = list[at]
    if (char === '"') quoted = !quoted
    else if (char === ',' && !quoted) break
    at++
  }
  return at
}
