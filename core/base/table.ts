/** Notes and variables of a request are Apache's tables: the case of letters (ASCII) in a name does not count. */

/** The value of a name; the exact spelling is found at once, and counts more. */
export function tableValue(table: ReadonlyMap<string, string>, name: string): string | undefined {
  const exact = table.get(name)
  if (exact !== undefined || table.size === 0) return exact
  const wanted = name.toLowerCase()
  for (const [key, value] of table) if (key.length === name.length && key.toLowerCase() === wanted) return value
  return undefined
}

/** Sets a name, in whatever case of letters it stands there already. */
export function tableSet(table: Map<string, string>, name: string, value: string): void {
  if (!table.has(name)) tableUnset(table, name)
  table.set(name, value)
}

export function tableUnset(table: Map<string, string>, name: string): void {
  if (table.delete(name) || table.size === 0) return
  const unwanted = name.toLowerCase()
  for (const key of table.keys())
    if (key.length === name.length && key.toLowerCase() === unwanted) table.delete(key)
}
