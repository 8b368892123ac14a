/* Carries the lines of mod_headers out, for the headers of a request or of a response. */
import {
  after, LONGEST_SUBSTITUTION, MatchBudget, substitute, tableSet, tableValue,
  type Answer, type HeaderTable, type Regex, type RegexMatch, type Request,
} from 'httpd'
import type { Rule, Table } from './rules.ts'
import { valueFor } from './value.ts'

/** What all replacements of `edit*` in one header may come to, in bytes. */
const LONGEST_EDIT = 1024 * 1024

/**
 * One after the other.
 * @returns false if a replacement came to be too long: the rules from that one on are not carried out
 */
export function applyRules(r: Request, rules: readonly Rule[], from = 0): Answer<boolean> {
  for (let i = from; i < rules.length; i++) {
    const rule = rules[i]!
    const done = rule.condition === undefined && rule.value.constant !== undefined
      ? !isWanted(r, rule) || act(r, rule, rule.value.constant)
      : applyRule(r, rule)
    if (done instanceof Promise) return done.then((late) => late && applyRules(r, rules, i + 1))
    if (!done) return false
  }
  return true
}

const isWanted = (r: Request, { variable }: Rule): boolean => variable === undefined ||
  (r.hasEnv !== false && tableValue(r.env, variable.name) !== undefined) === variable.wanted

function applyRule(r: Request, rule: Rule): Answer<boolean> {
  if (!isWanted(r, rule)) return true
  const go = (holds: boolean): Answer<boolean> =>
    holds ? after(valueFor(rule.value, r), (value) => act(r, rule, value)) : true
  if (rule.condition === undefined) return go(true)
  return rule.condition.resolve(r, 'headers', go, (reason) => {
    r.log('error', 'headers', `AH01501: Failed to evaluate expression (${reason}) - ignoring`)
    return true
  })
}

const tableOf = (r: Request, table: Table): HeaderTable =>
  table === 'in' ? r.editHeadersIn() : table === 'out' ? r.headersOut : r.errHeadersOut

/** @returns false if a replacement came to be too long */
function act(r: Request, rule: Rule, value: string): boolean {
  const { name } = rule
  // Most requests have not what is to go: their headers stay the bytes that they came as.
  if (rule.table === 'in' && rule.needsOne && r.headersIn.get(name) === undefined) return true
  const table = tableOf(r, rule.table)
  switch (rule.action) {
    case 'add': table.add(name, value); break
    case 'append': table.merge(name, value); break
    case 'merge': if (!hasElement(table.get(name), value)) table.merge(name, value); break
    case 'set': set(r, table, rule, value); break
    case 'setifempty': if (!table.has(name)) set(r, table, rule, value); break
    case 'unset': unset(r, table, rule); break
    case 'echo': echo(r, rule.regex!); break
    case 'note': note(r, value, table.get(name)); break
    default: return edit(r, table, rule, value)
  }
  return true
}

function set(r: Request, table: HeaderTable, { name, isContentType, table: which }: Rule, value: string): void {
  if (isContentType && which !== 'in') r.contentType = value
  table.set(name, value)
}

function unset(r: Request, table: HeaderTable, { name, isContentType, table: which }: Rule): void {
  if (isContentType && which !== 'in') r.contentType = undefined
  table.unset(name)
}

function note(r: Request, name: string, value: string | undefined): void {
  if (value !== undefined) tableSet(r.notes, name, value)
}

// Of the table in which those that came more than once are joined.
function echo(r: Request, names: Regex): void {
  for (const [name, value] of r.editHeadersIn()) if (names.test(name)) r.headersOut.add(name, value)
}

/** Whether a list has an element, exactly as it is written; commas between quotes separate nothing. */
export function hasElement(list: string | undefined, element: string): boolean {
  if (list === undefined) return false
  for (const [whole] of list.matchAll(/(?:[^",]|"[^"]*"?)+/g))
    if (whole.replace(/^[ \t\n\v\f\r]+/, '') === element) return true
  return false
}

function edit(r: Request, table: HeaderTable, rule: Rule, replacement: string): boolean {
  const { name, isContentType } = rule
  if (isContentType && rule.table !== 'in' && r.contentType !== undefined) {
    const edited = replaced(r.contentType, rule, replacement)
    if (edited === undefined) return false
    r.contentType = edited
  }
  if (!table.has(name)) return true
  const edited: (readonly [name: string, value: string])[] = []
  for (const [field, value] of table) {
    if (field.length !== name.length || field.toLowerCase() !== name.toLowerCase()) continue
    const text = replaced(value, rule, replacement)
    if (text === undefined) return false
    edited.push([field, text])
  }
  table.unset(name)
  for (const [field, value] of edited) table.add(field, value)
  return true
}

/** Undefined: it came to be too long. */
function replaced(value: string, { action, regex }: Rule, replacement: string): string | undefined {
  const matches = action === 'edit*' ? regex!.every(value, new MatchBudget()) : once(regex!, value)
  let text = ''
  let at = 0
  for (const match of matches) {
    const instead = substitute(replacement, match)
    text += value.slice(at, match.index) + instead
    at = match.index + match[0].length
    if (instead.length >= LONGEST_SUBSTITUTION || text.length > LONGEST_EDIT) return undefined
  }
  return text + value.slice(at)
}

function once(regex: Regex, value: string): RegexMatch[] {
  const match = regex.exec(value)
  return match === null ? [] : [match]
}
