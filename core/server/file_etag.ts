/** The ETag of a file as FileETag has it, where no digest is asked for. */
import type { FileInfo, Request } from '../hook/types.ts'
import { fileETag, type ETagParts } from '../http/etag.ts'
import { dirCore, etagParts } from './core_settings.ts'

/** What FileETag comes to. */
export function chosenParts(said: readonly string[]): ETagParts & { readonly digest: boolean } {
  const words = etagParts(said).map((word) => word.toLowerCase())
  const has = (word: string): boolean => words.includes(word) || words.includes('all')
  return { inode: has('inode'), mtime: has('mtime'), size: has('size'), digest: has('digest') }
}

/** @param nowMs the request's time */
export const etagWith = (parts: ETagParts, { ino, size, mtimeMs }: FileInfo, nowMs: number): string | undefined =>
  fileETag(parts, ino, size, Math.floor(mtimeMs * 1000), nowMs * 1000)

/** Of whatever a response is made from, such as the list of a directory. */
export const etagOf = (r: Request, finfo: FileInfo): string | undefined =>
  etagWith(chosenParts(r.dir(dirCore).fileEtag), finfo, r.requestTime)
