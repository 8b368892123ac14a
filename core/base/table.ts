/** Notes and variables of a request are Apache's tables: the case of letters (ASCII) in a name does not count. */

/** The value of a name; the exact spelling is found at once, and counts more. */
export function tableValue(table: ReadonlyMap<string, string>, name: string): string | undefined {
  const exact = table.get(name)
  if (exact !== undefined || table.size === 0) return exact
  const wanted = name.toLowerCase()
  for (const [key, value] of table) if (key.length === name.length && key.toLowerCase() === wanted) return value
  return undefined
}
