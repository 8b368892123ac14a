/* Reading what drivers print. */

/** The number that a pattern finds in a driver's output. @throws Error if it is not there */
export function number(driver: string, text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`Cannot read the output of ${driver}: there is no ${pattern.source} in\n${text}`)
  return Number(found)
}

/** The same where nothing is said of nothing. */
export const numberOrNone = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0)
