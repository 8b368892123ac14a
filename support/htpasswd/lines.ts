/* A password file as text: one character per byte. Pure. */

export interface Changed {
  readonly text: string
  /** Lines of that user. */
  readonly found: number
}

/** A line as it is; `user` is undefined for comments and blank lines. */
interface Line { readonly text: string; readonly user: string | undefined }

/** @returns undefined for what is no password file: a line of it has no colon */
function linesOf(text: string): Line[] | undefined {
  const lines: Line[] = []
  for (const line of text.split('\n')) {
    const bare = line.trim()
    const colon = bare.indexOf(':')
    if (bare !== '' && !bare.startsWith('#') && colon < 0) return undefined
    lines.push({ text: line, user: bare === '' || bare.startsWith('#') ? undefined : bare.slice(0, colon) })
  }
  // What follows the last line feed is no line.
  if (lines.at(-1)!.text === '') lines.pop()
  return lines
}

/**
 * The text with another line for a user, or without those of the user; a new user stands at the end.
 * @param line undefined: take the user out @returns undefined for what is no password file
 */
export function changed(text: string, user: string, line: string | undefined): Changed | undefined {
  const lines = linesOf(text)
  if (lines === undefined) return undefined
  const found = lines.filter((one) => one.user === user).length
  const texts = lines.flatMap((one) => one.user !== user ? [one.text] : line === undefined ? [] : [line])
  if (found === 0 && line !== undefined) texts.push(line)
  return { text: texts.map((one) => `${one}\n`).join(''), found }
}

/** The hash of a user, or undefined if he is not there; null for what is no password file. */
export function hashIn(text: string, user: string): string | undefined | null {
  const lines = linesOf(text)
  if (lines === undefined) return null
  const line = lines.find((one) => one.user === user)?.text.trim()
  return line === undefined ? undefined : line.slice(user.length + 1).split(':', 1)[0]
}
