/**
 * From text to logical lines and words, as ap_cfg_getline and ap_getword_conf
 * do it. One rule: text is bytes, one character each; nothing here knows a
 * directive.
 */

/** Longest logical line of a configuration file, and of .htaccess, in bytes, with its end. */
export const MAX_LINE = 16 * 1024 * 1024
export const MAX_HTACCESS_LINE = 8192

export interface LogicalLine {
  /** Without blanks at either end; a trailing backslash has joined it with the lines that follow. */
  readonly text: string
  /** Number of its last physical line, from 1. */
  readonly line: number
}

/** A logical line is longer than its limit; nothing after it can be read. */
export class LineTooLong extends Error {
  readonly line: number
  constructor(line: number) {
    super('Line too long')
    this.line = line
  }
}

/**
 * The logical lines of a file, blank ones included. Only a line feed ends a line; a carriage return before it goes.
 * A NUL ends what is seen of its line, as in C.
 * @throws LineTooLong
 */
export function* logicalLines(text: string, limit: number): Generator<LogicalLine> {
  let joined = ''
  let line = 0
  for (let at = 0; at < text.length;) {
    const feed = text.indexOf('\n', at)
    const end = feed < 0 ? text.length : feed
    line++
    // As Apache counts: what ends the line, and what joins it, takes room as well.
    if (joined.length + end - at + (feed < 0 ? 0 : 1) > limit) throw new LineTooLong(line)
    let piece = text.slice(at, feed > at && text[feed - 1] === '\r' ? end - 1 : end)
    at = end + 1
    const goesOn = feed >= 0 && piece.endsWith('\\')
    if (goesOn) piece = piece.slice(0, -1)
    joined += piece
    if (goesOn) continue
    yield { text: trimmed(joined), line }
    joined = ''
  }
  if (joined !== '') yield { text: trimmed(joined), line }
}

function trimmed(text: string): string {
  const nul = text.indexOf('\0')
  return trimBlanks(nul < 0 ? text : text.slice(0, nul))
}

/** Without the blanks of C's isspace at either end. Not String.trim: to that the last byte of a UTF-8 à is a blank. */
export function trimBlanks(text: string): string {
  const start = skipBlanks(text, 0)
  let end = text.length
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isBlank = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d)

const skipBlanks = (text: string, at: number): number => {
  while (at < text.length && isBlank(text.charCodeAt(at))) at++
  return at
}

/** The first word, quotes and escapes resolved, and what follows it without leading blanks. Both empty at the end. */
export function nextWord(text: string): [word: string, rest: string] {
  const start = skipBlanks(text, 0)
  const quote = text[start] === '"' || text[start] === "'" ? text[start] : ''
  let end = quote === '' ? start : start + 1
  if (quote === '') {
    while (end < text.length && !isBlank(text.charCodeAt(end))) end++
    return [unescaped(text.slice(start, end), ''), text.slice(skipBlanks(text, end))]
  }
  while (end < text.length && text[end] !== quote) end += isEscape(text, end, quote) ? 2 : 1
  return [unescaped(text.slice(start + 1, end), quote), text.slice(skipBlanks(text, end + 1))]
}

const isEscape = (text: string, at: number, quote: string): boolean =>
  text[at] === '\\' && at + 1 < text.length && (text[at + 1] === '\\' || text[at + 1] === quote)

/** `\\` is a backslash, a backslash before the surrounding quote is the quote; other backslashes stay. */
function unescaped(text: string, quote: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\([\\"'])/g, (whole, char: string) => (char === '\\' || char === quote ? char : whole))
}

/** All words of the arguments of a line. */
export function wordsOf(args: string): string[] {
  const words: string[] = []
  for (let rest = args.slice(skipBlanks(args, 0)); rest !== '';) {
    const [word, after] = nextWord(rest)
    words.push(word)
    rest = after
  }
  return words
}

/** A word as it has to be written in a file to be read as itself. */
export function quoted(word: string): string {
  return `"${word.replace(/[\\"]/g, '\\$&')}"`
}

/**
 * Puts values for `${NAME}`, once and from left to right; what has none stays as it is written.
 * @param unknown told of each name without a value
 */
export function withVariables(
  text: string, value: (name: string) => string | undefined, unknown: (name: string) => void,
): string {
  if (!text.includes('${')) return text
  return text.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
    const found = value(name)
    if (found === undefined && !name.includes(':')) unknown(name)
    return found ?? whole
  })
}
