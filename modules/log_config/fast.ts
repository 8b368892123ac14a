/*
 * The formats that nearly everybody uses, each as one function: no list to go through, nothing made but the line.
 * What they write is what the general way writes; a test holds one against the other.
 */
import { clfTime, escapeLogItem, type Request } from 'httpd'
import type { Line } from './format.ts'
import { ITEMS, requestLine } from './items.ts'

const host = ITEMS['h']!.make('').of as (r: Request) => string

const finalOf = (original: Request): Request => {
  let final = original
  while (final.next !== undefined) final = final.next
  return final
}

const shown = (text: string | undefined): string => text === undefined ? '-' : escapeLogItem(text)

/** `%h %l %u %t "%r" %>s %b`, without the line end. */
function common(original: Request, final: Request): string {
  const { user, bytesSent } = final
  const name = user === undefined ? '-' : user === '' ? '""' : escapeLogItem(user)
  return `${escapeLogItem(host(final))} - ${name} ${clfTime(final.requestTime)} "${
    escapeLogItem(requestLine(original) || '-')}" ${final.status} ${bytesSent === 0 ? '-' : bytesSent}`
}

const COMMON = '%h %l %u %t "%r" %>s %b'

const LINES: Readonly<Record<string, Line>> = {
  [COMMON]: (original) => `${common(original, finalOf(original))}\n`,
  [`${COMMON} "%{Referer}i" "%{User-Agent}i"`]: (original) => {
    const final = finalOf(original)
    const { headersIn } = final
    return `${common(original, final)} "${shown(headersIn.get('Referer'))}" "${shown(headersIn.get('User-Agent'))}"\n`
  },
}

/** The short way of a format, if it has one. */
export const fastLine = (format: string): Line | undefined => Object.hasOwn(LINES, format) ? LINES[format] : undefined
