/* MultiViews: the files beside one that is not there whose names begin with its, as variants of it. */
import { readdirSync } from 'node:fs'
import { baseName, errnoPrefix, fsPath, parentDirectory, type Lookup, type Request, type Status } from 'httpd'
import { readType } from './accept.ts'
import type { Variant } from './variants.ts'

export const MAP_TYPE = 'application/x-type-map'
export const MAP_HANDLER = 'type-map'
const CGI_TYPE = 'application/x-httpd-cgi'

export const isMap = ({ contentType, handler }: Lookup): boolean => contentType === MAP_TYPE || handler === MAP_HANDLER

/** What is there: variants, a map that lists them instead, or the status that stands in the way of both. */
export type Views = readonly Variant[] | { readonly listedBy: Lookup } | Status

export async function readViews(r: Request): Promise<Views> {
  const filename = r.filename!
  const prefix = `${baseName(filename)}.`
  let names: string[]
  try {
    names = readdirSync(fsPath(parentDirectory(filename)), { encoding: 'latin1' })
  } catch (error) {
    r.log('error', 'negotiation', `${errnoPrefix(error)}AH00686: cannot read directory for multi: ${parentDirectory(filename)}`)
    return 403
  }
  // In an order of its own, so that the choice is the same wherever the files lie.
  const candidates = names.filter((name) => name.startsWith(prefix)).sort()
  const variants: Variant[] = []
  let any = false
  for (const name of candidates) {
    const found = await r.subLookupFile(name, true)
    if (found.finfo.type === 'directory') continue
    any = true
    const variant = variantOf(name, prefix, found)
    if (variant === undefined) r.forgetLookup(found)
    else if (isMap(found)) return { listedBy: found }
    else variants.push(variant)
  }
  if (!any || variants.length > 0) return variants
  r.log('error', 'negotiation',
    `AH00687: Negotiation: discovered file(s) matching request: ${filename} (None could be negotiated).`)
  return 404
}

function variantOf(name: string, prefix: string, found: Lookup): Variant | undefined {
  const { status, finfo, handler, unknownParts } = found
  if (finfo.type !== 'file' || unknownParts === undefined) return undefined
  if (!areInOrder([baseOf(name), ...unknownParts], prefix.slice(0, -1).split('.'))) return undefined
  // What has a handler and no type is a script, most likely.
  const contentType = found.contentType ?? (handler === undefined ? undefined : CGI_TYPE)
  if (status !== 200 || contentType === undefined) return undefined
  const { name: type, quality, level, charset } = readType(contentType)
  return {
    name, type, sourceQuality: quality, level, charset, languages: found.contentLanguages ?? [],
    encoding: found.contentEncoding, description: '', body: undefined, found, length: () => finfo.size,
  }
}

/** What stands before the first dot that is not at the front. */
const baseOf = (name: string): string => /^\.*[^.]*/.exec(name)![0]

/** Whether all parts that nobody knows were asked for, in their order. */
function areInOrder(parts: readonly string[], asked: readonly string[]): boolean {
  let at = 0
  for (const part of asked) if (part === parts[at]) at++
  return at === parts.length
}
