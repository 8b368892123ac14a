/*
 * Other files and URLs in a document: `#include`, and what `#fsize` and `#flastmod` look at. What is included is a
 * subrequest whose body goes on in the place of the element; how deep they may stand in each other is
 * LimitInternalRecursion's, and how many one document may have is bounded, too: ten levels of a document that includes
 * itself three times would be sixty thousand.
 */
import { mergeUnder, OK, type FileInfo, type Lookup, type Sink } from 'httpd'
import type { Document } from './document.ts'
import type { Argument } from './element_reader.ts'
import { decodeEntities } from './text.ts'
import { enter } from './scope.ts'

/** Parts of one document, at whatever depth. */
export const MOST_PARTS = 2000

/** Below the document's directory; undefined: it is not. */
const fileBelow = (value: string): string | undefined =>
  value.startsWith('/') ? undefined : mergeUnder('/', value)?.slice(1)

/** What a file or URL is; undefined: it is not there, which has been logged. */
export async function findFile(
  document: Document, element: string, name: string, value: string,
): Promise<FileInfo | undefined> {
  const fail = (text: string, what = value): undefined => document.log(`${text} "${what}" in parsed file`) as undefined
  if (name !== 'file' && name !== 'virtual') {
    document.log(`AH01340: unknown parameter "${name}" to tag ${element} in`)
    return undefined
  }
  const path = name === 'file' ? fileBelow(value) : value
  if (path === undefined) return fail('AH02668: unable to access file')
  document.scope.share(document.r)
  const found = await (name === 'file' ? document.r.subLookupFile(path) : document.r.subLookupUri(path))
  const { status, finfo } = found
  document.r.forgetLookup(found)
  if (status === 200 && finfo.type !== 'none') return finfo
  return fail(name === 'file' ? 'AH02670: unable to lookup information about' : 'AH01339: unable to get information about')
}

/** `<!--#include virtual|file="…" [onerror="…"] … -->`: what follows one that failed is left out, up to an `onerror`. */
export async function includePart(document: Document, args: readonly Argument[]): Promise<void> {
  if (args.length === 0) document.log('AH01341: missing argument for include element in', document.printing ? 'error' : 'warn')
  if (!document.printing) return
  if (args.length === 0) return document.fail()
  let failed = false
  for (const { name, value } of args) {
    if (value === undefined || document.cancelled) break
    if (name !== 'virtual' && name !== 'file' && name !== 'onerror') {
      document.log(`AH01342: unknown parameter "${name}" to tag include in`)
      failed = true
      break
    }
    if (name === 'virtual' ? failed : name === 'onerror' && !failed) continue
    const fault = await includeOne(document, name, decodeEntities(value))
    if (fault !== undefined) {
      document.r.log('error', 'include', fault)
      if (failed) break
    }
    failed = fault !== undefined
  }
  if (failed) await document.fail()
}

/** @returns what is wrong */
async function includeOne(document: Document, name: string, value: string): Promise<string | undefined> {
  const { r, scope, file } = document
  if (++scope.included > MOST_PARTS)
    return `SY00186: unable to include "${value}" in parsed file ${file}: ${scope.root.uri} has more than ${MOST_PARTS} parts`
  const text = document.expand(value)
  const path = name === 'file' ? fileBelow(text) : text
  if (path === undefined) return `unable to include file "${value}" in parsed file ${file}`
  scope.share(r)
  const found = await (name === 'file' ? r.subLookupFile(path) : r.subLookupUri(path))
  try {
    return await run(document, found, value)
  } finally {
    r.forgetLookup(found)
  }
}

async function run(document: Document, found: Lookup, value: string): Promise<string | undefined> {
  const fault = (why: string, what = ''): string => `unable to include ${what}"${value}" in parsed file ${document.file}, ${why}`
  if (found.status !== 200) return fault(`subrequest setup returned ${found.status}`)
  if (!document.mayExec && found.contentType !== undefined && !found.contentType.startsWith('text/'))
    return fault('content type not text/*', 'potential exec ')
  enter(found.asRequest!, document.scope)
  const status = await document.r.runSubrequest(found, partOf(document))
  return status === OK ? undefined : fault(`subrequest returned ${status}`)
}

/** The part goes where the document goes, and ends nothing. */
const partOf = ({ next }: Document): Sink => ({
  write: (data) => next.write(data), flush: () => next.flush(), end: () => undefined,
})
