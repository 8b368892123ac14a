/*
 * The tables of differences: wanted.md, each with its reason, and pending.md, what is still to be done. A row covers
 * some differences of some cases.
 */
import { readFileSync } from 'node:fs'

/** One thing in which the answers differ. */
export interface Difference {
  /** `status`, `header NAME`, `order`, `body`, `connection`, `access`, `error`. */
  readonly what: string
  readonly apache: string
  readonly ours: string
}

export interface Rule {
  readonly table: string
  readonly line: number
  readonly where: RegExp
  /** What differs; `all` for whatever. */
  readonly what: readonly string[]
  /** Found in what one of the two says; empty: whatever they say. */
  readonly text: string
  readonly reason: string
  used: boolean
}

/** Rows `| where | what | reason |`. After what differs may stand a text in backquotes that one of the two says. */
export function readRules(path: string): Rule[] {
  const rules: Rule[] = []
  const table = path.replace(/^.*\//, '')
  readFileSync(path, 'latin1').split('\n').forEach((row, i) => {
    const cells = /^\|(.+)\|(.+)\|(.+)\|$/.exec(row.replaceAll('\\|', '\x01'))?.slice(1).map((cell) => cell.trim().replaceAll('\x01', '|'))
    if (cells === undefined || /^(where|-+)$/.test(cells[0]!)) return
    const [where, said, reason] = cells as [string, string, string]
    const [, what, text] = /^(.*?)\s*(?:`(.*)`)?$/.exec(said)!
    const kinds = what!.toLowerCase().split(/\s*,\s*/)
    rules.push({ table, line: i + 1, where: glob(where), what: kinds, text: text ?? '', reason, used: false })
  })
  return rules
}

/** `*` stands for anything. */
const glob = (text: string): RegExp =>
  new RegExp(`^${text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`, 's')

/** True if a row covers the difference; all that do are noted as used. */
export function isCovered(rules: readonly Rule[], place: string, { what, apache, ours }: Difference): boolean {
  const covering = rules.filter((rule) => (rule.what.includes('all') || rule.what.includes(what)) && rule.where.test(place) &&
    (rule.text === '' || apache.includes(rule.text) || ours.includes(rule.text)))
  for (const rule of covering) rule.used = true
  return covering.length > 0
}

/** One row for what differs in a place: what pending.md is made of. */
export function pendingRow(place: string, differences: readonly Difference[]): string {
  const what = [...new Set(differences.map((difference) => difference.what))].join(', ')
  return `| ${place.replaceAll('|', '\\|')} | ${what} | open |\n`
}
