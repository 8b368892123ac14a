/* The field Cookie as Apache reads it. Pure. */

export interface Found {
  /** Undefined: there is none of that name, or several that differ. */
  readonly value: string | undefined
  readonly isTwice: boolean
  /** The field without it; undefined if nothing is left. */
  readonly rest: string | undefined
}

/** @param header values of the field, joined */
export function findCookie(header: string, name: string): Found {
  const prefix = `${name}=`
  const rest: string[] = []
  const values: string[] = []
  for (const part of header.split(/[;,]/)) {
    const trimmed = part.replace(/^[ \t]+/, '')
    if (trimmed.startsWith(prefix)) values.push(trimmed.slice(prefix.length))
    else if (part !== '') rest.push(part)
  }
  const isTwice = values.some((value) => value !== values[0])
  return { value: isTwice ? undefined : values[0], isTwice, rest: rest.length === 0 ? undefined : rest.join(';').trimStart() }
}
