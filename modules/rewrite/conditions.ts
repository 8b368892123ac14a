/* Whether a RewriteCond holds. */
import { lstatSync } from 'node:fs'
import {
  after, EvaluationError, fsPath, numberOf, parentDirectory, tidyPath,
  type Answer, type Captures, type Expression,
} from 'httpd'
import type { Condition } from './rule.ts'
import type { Scope } from './scope.ts'
import { mayLookAhead } from './variables.ts'

export function holds(condition: Condition, scope: Scope): Answer<boolean> {
  const { test } = condition
  const text = test.kind === 'expression' ? '' : condition.input.expand(scope)
  if (!(text instanceof Promise)) return decided(condition, text, scope)
  return text.then((late) => decided(condition, late, scope))
}

function decided(condition: Condition, text: string, scope: Scope): Answer<boolean> {
  return after(tested(condition, text, scope), (found) => {
    const met = found !== condition.negated
    if (scope.traces) {
      const input = condition.test.kind === 'expression' ? '(null)' : text
      scope.trace(4, `RewriteCond: input='${input}' pattern='${condition.pattern}'${condition.ignoreCase ? ' [NC]' : ''} => ` +
        (met ? 'matched' : 'not-matched'))
    }
    return met
  })
}

function tested({ test, negated, ignoreCase }: Condition, text: string, scope: Scope): Answer<boolean> {
  switch (test.kind) {
    case 'regex': {
      const match = test.regex.exec(text)
      if (match !== null && !negated) scope.conditionGroups = match
      return match !== null
    }
    case 'expression': return evaluated(test.expression, negated, scope)
    case 'file': return isFile(test.letter, text, scope)
    case 'url': return leadsSomewhere(text, scope)
    case 'access': return isAccessible(text, scope)
    case 'number': return test.holds(numberOf(text) - numberOf(test.to))
    case 'text': return test.holds(ignoreCase ? order(lower(text), lower(test.to)) : byLength(text, test.to))
  }
}

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** As Apache: the longer text is the greater one. */
const byLength = (a: string, b: string): number => a.length - b.length || order(a, b)

function evaluated(expression: Expression<boolean>, negated: boolean, scope: Scope): Answer<boolean> {
  const captures: Captures = { groups: undefined }
  const take = (value: boolean): boolean => {
    if (value && !negated) scope.conditionGroups = captures.groups
    return value
  }
  const failed = (error: unknown): boolean => {
    if (!(error instanceof EvaluationError)) throw error
    if (scope.traces) scope.trace(1, `RewriteCond: expr='${expression.text}' evaluation failed: ${error.message}`)
    return false
  }
  try {
    const answer = expression.evaluate(scope.request, captures)
    return answer instanceof Promise ? answer.then(take, failed) : take(answer)
  } catch (error) {
    return failed(error)
  }
}

/** Where a relative path would begin is nobody's to know, and what follows a NUL the system would not see. */
const isPath = (text: string): boolean => text.startsWith('/') && !text.includes('\0')

function isFile(letter: string, path: string, scope: Scope): boolean {
  if (!isPath(path)) return false
  if (/[hlL]/.test(letter)) return isLink(path)
  const { type, size, mode } = scope.request.stat(path)
  switch (letter) {
    case 'd': return type === 'directory'
    case 's': return type === 'file' && size > 0
    case 'x': return type !== 'none' && (mode & 0o111) !== 0
    default: return type === 'file'
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(fsPath(path), { throwIfNoEntry: false })?.isSymbolicLink() ?? false
  } catch {
    return false
  }
}

function leadsSomewhere(uri: string, scope: Scope): Answer<boolean> {
  const { request } = scope
  if (uri === '' || !mayLookAhead(request)) return false
  return after(request.subLookupUri(uri), ({ status }) => {
    if (scope.traces) scope.trace(5, `RewriteCond URI (-U check: path=${uri} -> status=${status}`, true)
    return status < 400
  })
}

function isAccessible(name: string, scope: Scope): Answer<boolean> {
  const { request } = scope
  if (name === '' || name.includes('\0') || !mayLookAhead(request)) return false
  const whole = name.startsWith('/') ? name : (parentDirectory(request.filename ?? '') || '/') + name
  // What is configured for a directory must hold however the path leads there.
  return after(request.subLookupFile(tidyPath(whole)), ({ status, filename, finfo }) => {
    if (scope.traces) scope.trace(5, `RewriteCond file (-F check: path=${name} -> file=${filename ?? ''} status=${status}`, true)
    return status < 300 && finfo.type !== 'none'
  })
}
