/**
 * What the named groups of <DirectoryMatch>, <FilesMatch> and <LocationMatch> match, as MATCH_NAME in the request's
 * environment. Sections without names cost a request nothing.
 */
import type { Section } from '../config/server_conf.ts'
import type { RequestRec } from './request_rec.ts'

/** @param naming sections that hold for the request, in order: the last one with a name counts */
export function setMatchNames(r: RequestRec, naming: readonly Section[]): void {
  for (const { kind, named } of naming) {
    const match = named!.exec(subjectOf(r, kind))
    if (match === null) continue
    named!.names.forEach((name, group) => {
      const value = match[group]
      if (name !== undefined && value !== undefined) r.env.set(`MATCH_${name.toUpperCase()}`, value)
    })
  }
}

/** What the section was matched with. */
function subjectOf({ uri, filename = '', finfo }: RequestRec, kind: Section['kind']): string {
  if (kind === 'LocationMatch') return uri
  if (kind === 'FilesMatch') return filename.slice(filename.lastIndexOf('/') + 1)
  return finfo.type === 'directory' && !filename.endsWith('/') ? `${filename}/` : filename
}
