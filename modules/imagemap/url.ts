/* From a word of a map to the URL that it means. */
import type { Request } from 'httpd'

/** A word that leads nowhere, and Apache's message. */
export interface UrlFault {
  readonly message: string
}

export const isFault = (found: string | UrlFault): found is UrlFault => typeof found === 'object'

/** @param base undefined for what is itself a base or a default */
export function mapUrl(r: Request, base: string | undefined, word: string): string | UrlFault {
  const lower = word.toLowerCase()
  if (lower === 'map' || lower === 'menu') return r.constructUrl(r.uri)
  // Those are no URLs: they say what is answered.
  if (lower === 'nocontent' || lower === 'error') return word
  let value = word
  if (lower === 'referer') {
    const referer = r.headersIn.get('Referer')
    if (referer !== undefined && referer !== '') return referer
    value = ''
  }
  if (/^[A-Za-z]*:/.test(value)) return value
  if (base === undefined || base === '') return value === '' ? r.constructUrl('/') : value
  return joined(r, base, value)
}

const climbs = (value: string): boolean => value === '..' || value.startsWith('../')

function joined(r: Request, base: string, value: string): string | UrlFault {
  if (!base.includes('/') && climbs(value)) return { message: `AH00677: invalid base directive in map file: ${r.uri}` }
  const start = pathStart(base)
  const server = base.slice(0, start)
  if (value.startsWith('/')) return server + value
  const path = base.slice(start)
  return relative(r, server, path.slice(0, path.lastIndexOf('/') + 1), value)
}

/** Where the path of a URL begins: at its first slash that stands alone. */
function pathStart(url: string): number {
  for (let at = url.indexOf('/'); at >= 0; at = url.indexOf('/', at + 2)) if (url[at + 1] !== '/') return at
  return url.length
}

/** @param directory with a slash at its end, or empty */
function relative(r: Request, server: string, directory: string, value: string): string | UrlFault {
  let left = directory
  let rest = value
  while (climbs(rest)) {
    if (left === '') return { message: `AH00678: invalid directory name in map file: ${r.uri}` }
    left = withoutLast(left)
    rest = rest.slice(2)
    // The slash before a further `..` goes, the one before what follows the last of them stays.
    if (rest === '/..' || rest.startsWith('/../')) rest = rest.slice(1)
  }
  return server + left + rest
}

/** Takes the last directory away, and the slashes before it. */
function withoutLast(directory: string): string {
  let left = directory
  for (let cut = 1; cut === 1 && left !== '';) {
    const shorter = left.slice(0, Math.max(0, left.lastIndexOf('/')))
    cut = left.length - shorter.length
    left = shorter
  }
  return left
}
