/* `#if`, `#elif`, `#else` and `#endif`, in the language of expressions or, with SSILegacyExprParser, in that before it. */
import {
  compileRegex, ConfigError, MatchError, parseCondition, registerExpressions, RegexSyntaxError, tableValue,
  type Expression, type Regex, type Request, type Wait,
} from 'httpd'
import type { Document } from './document.ts'
import type { Argument } from './element_reader.ts'
import { holds, LegacyFault, parse, type Node } from './legacy.ts'
import { include } from './settings.ts'

/** What has been read once need not be read again for the next request; so many, of each kind. */
const MOST_KEPT = 500

class Kept<V> {
  readonly #values = new Map<string, V>()

  get(key: string, make: () => V): V {
    let value = this.#values.get(key)
    if (value === undefined) {
      value = make()
      if (this.#values.size >= MOST_KEPT) this.#values.clear()
      this.#values.set(key, value)
    }
    return value
  }
}

const expressions = new Kept<Expression<boolean>>()
const patterns = new Kept<Regex>()
const trees = new Kept<{ readonly root: Node | undefined }>()

const documents = new WeakMap<Request, Document>()

registerExpressions({
  functions: [{
    name: 'v', help: 'A variable of a document with elements (mod_include), also `0` to `9`; elsewhere the same as `reqenv`',
    call: ({ request }, name) => {
      const document = documents.get(request)
      return document === undefined ? tableValue(request.env, name!) : document.variable(name!)
    },
  }],
})

/** Undefined: it cannot be said, which has been logged. */
function decide(document: Document, text: string): Promise<boolean | undefined> | boolean | undefined {
  return document.r.dir(include).legacyExpressions ? decideLegacy(document, text) : decideExpression(document, text)
}

function decideExpression(document: Document, text: string): Promise<boolean | undefined> | boolean | undefined {
  const { r, file, scope, captures } = document
  let expression
  try {
    expression = expressions.get(`${file}\0${text}`, () => parseCondition(text, { file, line: 0, htaccess: true }, ''))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    r.log('error', 'include', `AH01337: Could not parse expr "${text}" in ${file}: ${error.message}`)
    return undefined
  }
  if (/user_name/i.test(text)) scope.settle()
  scope.share(r)
  documents.set(r, document)
  return expression.resolve<boolean | undefined>(r, 'include', (value) => {
    // As Apache: of the groups only the whole match is a variable of the document.
    if (captures.groups !== undefined) document.lastMatch = { groups: captures.groups, count: 0, pattern: '(null)' }
    return value
  }, (reason) => {
    r.log('error', 'include', `AH01338: Could not evaluate expr "${text}" in ${file}: ${reason}`)
    return undefined
  }, captures)
}

async function decideLegacy(document: Document, text: string): Promise<boolean | undefined> {
  const { r, file } = document
  try {
    const { root } = trees.get(`${file}\0${text}`, () => ({ root: parse(text, file) }))
    return await holds(root, {
      text, file, expand: (words) => document.expand(words),
      match: (subject, pattern) => match(document, subject, pattern),
      isAccessible: (uri) => isAccessible(document, uri),
    })
  } catch (error) {
    if (error instanceof LegacyFault) r.log('error', 'include', error.message)
    else if (error instanceof MatchError) r.log('error', 'include', `SY00187: ${error.message} in ${file}`)
    else throw error
    return undefined
  }
}

function match(document: Document, subject: string, pattern: string): boolean {
  let regex
  try {
    regex = patterns.get(pattern, () => compileRegex(pattern))
  } catch (error) {
    if (!(error instanceof RegexSyntaxError)) throw error
    document.r.log('error', 'include', `AH02667: unable to compile pattern "${pattern}"`)
    // Apache takes the failure for a match.
    return true
  }
  const found = regex.exec(subject)
  document.lastMatch = found === null ? undefined : { groups: found, count: found.length - 1, pattern }
  return found !== null
}

const BAD_REQUEST = 400

async function isAccessible({ r, scope }: Document, uri: string): Promise<boolean> {
  scope.share(r)
  const found = await r.subLookupUri(uri)
  const { status } = found
  r.forgetLookup(found)
  if (status < BAD_REQUEST) return true
  r.log('debug', 'include', `AH01336: mod_include: The tested subrequest -A "${uri}" returned an error code.`)
  return false
}

interface Numbers { readonly tooMany: string; readonly missing: string; readonly unknown: string; readonly noValue: string }

const IF: Numbers = {
  tooMany: 'AH01352', missing: 'AH01353', unknown: 'AH01354', noValue: 'AH01355: missing expr value for if element in',
}
const ELIF: Numbers = {
  tooMany: 'AH01356', missing: 'AH01357', unknown: 'AH01358', noValue: 'AH01359: missing expr in elif statement:',
}

function tellCount(document: Document, args: readonly Argument[], { tooMany, missing }: Numbers, counts: boolean): void {
  if (args.length === 1) return
  document.log(args.length === 0 ? `${missing}: missing expr argument for if element in`
    : `${tooMany}: too many arguments for if element in`, counts ? 'error' : 'warn')
}

/** The condition, or undefined: there is none, which has been logged. */
function conditionOf(document: Document, args: readonly Argument[], { unknown, noValue }: Numbers): string | undefined {
  const [only, ...more] = args
  if (only === undefined || more.length > 0) return undefined
  if (only.name !== 'expr') document.log(`${unknown}: unknown parameter "${only.name}" to tag if in`)
  else if (only.value === undefined) document.log(noValue)
  else return only.value
  return undefined
}

/** Whatever is printed here, what failed is said. */
const failAnyway = (document: Document): Wait => document.print(document.errorText)

async function enter(document: Document, condition: string | undefined): Promise<boolean> {
  const value = condition === undefined ? undefined : await decide(document, condition)
  if (value === undefined) {
    await failAnyway(document)
    document.printing = document.taken = false
    document.undecided = true
  } else document.printing = document.taken = value
  return value !== undefined
}

export async function ifBranch(document: Document, args: readonly Argument[]): Promise<void> {
  tellCount(document, args, IF, document.printing)
  if (!document.printing) {
    document.skipped++
    return
  }
  document.undecided = false
  if (await enter(document, conditionOf(document, args, IF))) document.skipped = 0
}

export async function elseIf(document: Document, args: readonly Argument[]): Promise<void> {
  tellCount(document, args, ELIF, document.skipped === 0)
  if (document.skipped > 0) return
  const condition = conditionOf(document, args, ELIF)
  if (condition !== undefined && document.taken) document.printing = false
  else await enter(document, condition)
}

const tellNone = (document: Document, args: readonly Argument[], text: string): void => {
  if (args.length > 0) document.log(text, document.skipped === 0 ? 'error' : 'warn')
}

export function elseBranch(document: Document, args: readonly Argument[]): Wait {
  tellNone(document, args, 'AH01360: else directive does not take tags in')
  if (document.skipped > 0) return undefined
  if (args.length > 0) return document.fail()
  if (document.undecided) return undefined
  document.printing = !document.taken
  document.taken = true
  return undefined
}

export function endIf(document: Document, args: readonly Argument[]): Wait {
  tellNone(document, args, 'AH01361: endif directive does not take tags in')
  if (document.skipped > 0) {
    document.skipped--
    return undefined
  }
  if (args.length > 0) return failAnyway(document)
  document.printing = document.taken = true
  document.undecided = false
  return undefined
}
