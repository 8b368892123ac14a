/* What stands above and below the rows: the files that HeaderName and ReadmeName name, or the server's own words. */
import { readSync, openSync, closeSync } from 'node:fs'
import { fsPath, OK, pageSignature, type Lookup, type Request } from 'httpd'
import { isHtml } from './entries.ts'
import { Option } from './options.ts'
import { heading, preamble } from './page.ts'
import { findData, type Rule } from './rules.ts'
import type { Listing } from './settings.ts'

const PIECE = 16_384
/** Under this note a subrequest's negotiation finds what the page can take, whatever the client says. */
const ACCEPTS_NOTE = 'accept-instead'
const ACCEPTED = 'text/html, text/plain'

export const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

/** @param title HTML */
export async function writeHead(r: Request, listing: Listing, options: number, title: string): Promise<void> {
  const suppressed = (options & Option.noPreamble) !== 0
  const begin = bytesOf(preamble(listing, options, title))
  const found = await lookUp(r, listing.headers)
  let begun = false
  if (found !== undefined && isHtml(found.contentType)) {
    if (!suppressed) await r.write(begin)
    // Should it fail, there is a heading at least.
    if (await r.runSubrequest(found) === OK) return
    begun = !suppressed
  } else if (found !== undefined && isText(found)) {
    const fd = open(found)
    if (fd !== undefined) {
      await r.write(begin)
      return await writePlain(r, fd)
    }
  }
  if (!begun) await r.write(begin)
  await r.write(bytesOf(heading(listing, title)))
}

export async function writeTail(r: Request, listing: Listing, options: number): Promise<void> {
  const found = await lookUp(r, listing.readmes)
  let signs = true
  let closes = true
  if (found !== undefined && isHtml(found.contentType)) {
    if (await r.runSubrequest(found) === OK) {
      signs = false
      closes = !(options & Option.noPreamble)
    }
  } else if (found !== undefined && isText(found)) {
    const fd = open(found)
    if (fd !== undefined) {
      await writePlain(r, fd)
      signs = false
    }
  }
  await r.write(bytesOf(`${signs ? pageSignature(r) : ''}${closes ? '</body></html>\n' : ''}`))
}

const isText = ({ contentType }: Lookup): boolean => contentType !== undefined && /^text\//i.test(contentType)

/** The file that is named for this directory, if it can be had. */
async function lookUp(r: Request, names: readonly Rule[]): Promise<Lookup | undefined> {
  const name = findData(names, { path: r.filename!, type: undefined, encoding: undefined }, false)
  if (name === undefined) return undefined
  r.notes.set(ACCEPTS_NOTE, ACCEPTED)
  const found = await r.subLookupUri(name)
  r.notes.delete(ACCEPTS_NOTE)
  return found.status === 200 && found.finfo.type === 'file' ? found : undefined
}

function open({ filename }: Lookup): number | undefined {
  try {
    return openSync(fsPath(filename!), 'r')
  } catch {
    return undefined
  }
}

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' }

/** The text of a file, as it stands. Closes it. */
async function writePlain(r: Request, fd: number): Promise<void> {
  try {
    await r.write(bytesOf('<pre>\n'))
    const piece = Buffer.alloc(PIECE)
    for (let got = readSync(fd, piece); got > 0; got = readSync(fd, piece)) {
      await r.write(bytesOf(piece.toString('latin1', 0, got).replace(/[<>&]/g, (char) => ENTITIES[char]!)))
    }
    await r.write(bytesOf('</pre>\n'))
  } finally {
    closeSync(fd)
  }
}
