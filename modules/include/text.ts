/* Texts of elements: variables in them, entities, codings and times. All are bytes, one character each. */
import { escapeHtml, osEscapePath, strftime } from 'httpd'

/**
 * Puts the values of variables in place of `$name` and `${name}`; `\$` is a dollar sign.
 * @param keepsNames what is not set stays as it is written, for a shell
 * @param unfinished called where `${` has no end: nothing follows then
 */
export function expand(
  text: string, valueOf: (name: string) => string | undefined, unfinished: (rest: string) => void, keepsNames = false,
): string {
  if (!/[\\$]/.test(text)) return text
  let out = ''
  let at = 0
  for (const { 0: whole, 1: braced, 2: plain, index } of text.matchAll(SPECIAL)) {
    out += text.slice(at, index)
    at = index + whole.length
    if (whole === '${') {
      unfinished(text.slice(at))
      return out
    }
    const name = braced ?? plain
    if (whole === '\\$') out += '$'
    else if (name === undefined || name === '') out += whole
    else out += valueOf(name) ?? (keepsNames ? whole : '')
  }
  return out + text.slice(at)
}

const SPECIAL = /\\\$|\$\{([^}]*)\}|\$\{|\$(\w+)/g

/** Names of HTML 2's entities for 160 to 255 that Apache knows, by their number. */
const LATIN: Readonly<Record<string, number>> = Object.fromEntries([
  ...('Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde ' +
    'Ograve Oacute Ocirc Otilde Ouml . Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde ' +
    'auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ' +
    'ouml . oslash ugrave uacute ucirc uuml yacute thorn yuml').split(' ').map((name, i) => [name, 192 + i] as const),
  ['lt', 60], ['gt', 62], ['amp', 38], ['quot', 34],
])

/** What HTML stands for. An unknown name stays as it is; a number that is no character of Latin-1 goes. */
export const decodeEntities = (text: string): string =>
  text.replace(/&(?:#([^;]{0,64})|([A-Za-z]{2,6}));/g, (whole, number: string | undefined, name: string) => {
    if (number === undefined) return Object.hasOwn(LATIN, name) ? String.fromCharCode(LATIN[name]!) : whole
    const code = /^\d+$/.test(number) ? Number(number) : 0
    const isNone = code <= 8 || (code >= 11 && code <= 31) || (code >= 127 && code <= 160) || code >= 256
    return isNone ? '' : String.fromCharCode(code)
  })

/** Ends where C would see the end of a text. */
const cut = (text: string): string => text.split('\0', 1)[0]!

const unescape = (text: string): string =>
  cut(text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))))

const same = (text: string): string => text

export const decoders: Readonly<Record<string, (text: string) => string>> = {
  none: same,
  url: unescape,
  urlencoded: (text) => unescape(text.replaceAll('+', ' ')),
  entity: decodeEntities,
  base64: (text) => cut(Buffer.from(/^[A-Za-z0-9+/]*/.exec(text)![0], 'base64').toString('latin1')),
}

const hex = (char: string): string => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`

export const encoders: Readonly<Record<string, (text: string) => string>> = {
  none: same,
  url: (text) => osEscapePath(text),
  urlencoded: (text) => text.replace(/[^A-Za-z0-9*._ -]/g, hex).replaceAll(' ', '+'),
  entity: escapeHtml,
  base64: (text) => Buffer.from(text, 'latin1').toString('base64'),
}

/** The names in a list of codings, and the first that nobody knows. */
export function codingsOf(
  list: string, known: Readonly<Record<string, (text: string) => string>>,
): readonly ((text: string) => string)[] | { readonly unknown: string } {
  const found: ((text: string) => string)[] = []
  for (const name of list.split(/[, \t]+/)) {
    if (name === '') continue
    const lower = name.toLowerCase()
    if (!Object.hasOwn(known, lower)) return { unknown: name }
    found.push(known[lower]!)
  }
  return found
}

/** A size in bytes, with a comma between thousands. */
export const bytesText = (size: number): string => String(size).replace(/\B(?=(\d{3})+$)/g, ',')

/** A time in the local zone or, as HTTP has it, in GMT. @param ms since the epoch */
export function timeText(format: string, ms: number, zone: 'local' | 'gmt' = 'local'): string {
  if (zone === 'local') return strftime(format, ms)
  const said = format.replace(/%(.)/gs, (whole, letter: string) => letter === 'Z' ? 'GMT' : letter === 'z' ? '+0000' : whole)
  return strftime(said, ms + new Date(ms).getTimezoneOffset() * 60_000)
}

/** With a backslash before what a shell would take for more than a character (ap_escape_shell_cmd). */
export const escapeShell = (text: string): string => text.replace(/[&;`'"|*?~<>^()[\]{}$\\\n]/g, '\\$&')

export const unescapeQuery = unescape
