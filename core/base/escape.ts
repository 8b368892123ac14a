// Escaping for the places where text from outside ends up: HTML, the two logs, URLs.
//
// Strings are byte strings (latin1) unless they come from JavaScript handlers. One rule: text that needs nothing is
// handed back as it is, found by one test.

const HTML = /[&<>"]/
const HTML_ALL = /[&<>"]/g
const HTML_ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** For text and double-quoted attributes of HTML. */
export function escapeHtml(text: string): string {
  return HTML.test(text) ? text.replace(HTML_ALL, (char) => HTML_ENTITIES[char]!) : text
}

const hexByte = (byte: number): string => (byte < 16 ? '0' : '') + byte.toString(16)

const LOG_LETTERS: Readonly<Record<string, string>> = {
  '\b': '\\b', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '"': '\\"', '\\': '\\\\',
}

const LOG_ITEM = /[^\x20\x21\x23-\x5b\x5d-\x7e]/
const LOG_ITEM_ALL = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g

/** For a value in the access log: `\n`, `\"`, `\\`, and `\xHH` for other control and 8-bit bytes. */
export function escapeLogItem(text: string): string {
  return LOG_ITEM.test(text) ? text.replace(LOG_ITEM_ALL, escapedForLog) : text
}

const ERROR_LOG = /[^\x20-\x5b\x5d-\x7e]/
const ERROR_LOG_ALL = /[^\x20-\x5b\x5d-\x7e]/g

/** For a message in the error log: as escapeLogItem, but quotes stay as they are. */
export function escapeErrorLog(text: string): string {
  return ERROR_LOG.test(text) ? text.replace(ERROR_LOG_ALL, escapedForLog) : text
}

function escapedForLog(char: string): string {
  const letter = LOG_LETTERS[char]
  if (letter !== undefined) return letter
  const code = char.charCodeAt(0)
  return code < 256 ? `\\x${hexByte(code)}` : hexOfUtf8(char, '\\x')
}

/** What is beyond one byte did not come from the network: its UTF-8 bytes are written. */
function hexOfUtf8(char: string, prefix: string): string {
  let out = ''
  for (const byte of Buffer.from(char, 'utf8')) out += prefix + hexByte(byte)
  return out
}

const URL_PATH = /[^A-Za-z0-9$\-_.+!*'(),:;@&=/~]/
const URL_PATH_ALL = /[^A-Za-z0-9$\-_.+!*'(),:;@&=/~]/gu

/**
 * A file path as a URL path (ap_os_escape_path): `?`, `%`, `#`, blanks, quotes, control and 8-bit bytes become `%hh`.
 * @param partial the result stands alone as a relative reference: `./` is put before it when its first segment has a
 *   colon, which would otherwise read as a scheme.
 */
export function osEscapePath(path: string, partial = false): string {
  const escaped = URL_PATH.test(path) ? path.replace(URL_PATH_ALL, escapedForUrl) : path
  if (!partial) return escaped
  const colon = escaped.indexOf(':')
  const slash = escaped.indexOf('/')
  return colon >= 0 && (slash < 0 || colon < slash) ? `./${escaped}` : escaped
}

function escapedForUrl(char: string): string {
  const code = char.codePointAt(0)!
  return code < 256 ? `%${hexByte(code)}` : hexOfUtf8(char, '%')
}

/** Decodes every `%XX` once, byte by byte; undefined when a `%` is not followed by two hexadecimal digits. */
export function unescapeUrl(text: string): string | undefined {
  if (!text.includes('%')) return text
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  return text.replace(/%[0-9A-Fa-f]{2}/g, (escape) => String.fromCharCode(parseInt(escape.slice(1), 16)))
}
