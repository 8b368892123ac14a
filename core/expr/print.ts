/** The text of a tree: read again it gives the same tree. For tests and for whoever wants to show an expression. */
import type { Cond, List, Regex, Substitution, Word } from './ast.ts'

/** As little parentheses as it takes: `||` holds loosest, then `&&`, then `!`. */
export function printCondition(cond: Cond): string {
  switch (cond.kind) {
    case 'constant': return String(cond.value)
    case 'not': return `!${operand(cond.cond, ['and', 'or'])}`
    case 'and': return cond.conds.map((each) => operand(each, ['and', 'or'])).join(' && ')
    case 'or': return cond.conds.map((each) => operand(each, ['or'])).join(' || ')
    case 'compare': return `${printWord(cond.left)} ${cond.operator} ${printWord(cond.right)}`
    case 'match': return `${printWord(cond.left)} ${cond.negated ? '!~' : '=~'} ${printRegex(cond.regex)}`
    case 'in': return `${printWord(cond.left)} in ${printList(cond.list)}`
    case 'unary': return `-${cond.name} ${printWord(cond.arg)}`
    case 'binary': return `${printWord(cond.left)} -${cond.name} ${printWord(cond.right)}`
  }
}

const operand = (cond: Cond, loose: readonly Cond['kind'][]): string =>
  loose.includes(cond.kind) ? `(${printCondition(cond)})` : printCondition(cond)

export function printWord(word: Word): string {
  switch (word.kind) {
    case 'text': return `'${escaped(word.value)}'`
    case 'digits': return word.value
    case 'concat': return word.parts.map(printWord).join(' . ')
    case 'variable': return `%{${word.name}}`
    case 'call': return `${word.name}(${word.args.map(printWord).join(', ')})`
    case 'backref': return `$${word.group}`
    case 'truth': return `%{:${printCondition(word.cond)}:}`
    case 'join': return `join(${printList(word.list)}${word.separator ? `, ${printWord(word.separator)}` : ''})`
    case 'sub': return `sub(${printSubstitution(word.substitution)}, ${printWord(word.subject)})`
  }
}

export function printList(list: List): string {
  switch (list.kind) {
    case 'words': return `{${list.words.map(printWord).join(', ')}}`
    case 'listCall': return `${list.name}(${printWord(list.arg)})`
    case 'split': {
      const by = list.by.kind === 'regex' ? printRegex(list.by) : printSubstitution(list.by)
      const { of } = list
      return `split(${by}, ${of.kind === 'words' || of.kind === 'listCall' || of.kind === 'split' ? printList(of)
        : printWord(of)})`
    }
  }
}

const SEPARATORS = '/#$%^|?!\'",;:.-'

// A pattern cannot hold its own separator: one that it does not have is taken.
const separatorFor = (...texts: readonly string[]): string =>
  [...SEPARATORS].find((char) => texts.every((each) => !each.includes(char))) ?? '/'

function printRegex({ pattern, ignoreCase }: Regex): string {
  const separator = separatorFor(pattern)
  return `m${separator}${pattern}${separator}${ignoreCase ? 'i' : ''}`
}

function printSubstitution({ regex, replacement, all }: Substitution): string {
  const inside = inString(replacement)
  const separator = separatorFor(regex.pattern, inside)
  return `s${separator}${regex.pattern}${separator}${inside}${separator}${regex.ignoreCase ? 'i' : ''}${all ? 'g' : ''}`
}

/** A word as a part of a string. */
function inString(word: Word): string {
  switch (word.kind) {
    case 'text': return escaped(word.value)
    case 'concat': return word.parts.map(inString).join('')
    case 'variable': case 'backref': case 'truth': return printWord(word)
    default: return `%{:${printWord(word)}:}`
  }
}

/** Quotes, backslashes and what begins a variable get a backslash; control characters are written in octal. */
const escaped = (value: string): string =>
  // Digits after an octal number would be taken for a part of it.
  value.replace(/[\x00-\x1f\x7f][0-9]*|[\\'"%$}]/g, (found) =>
    /^[\\'"%$}]/.test(found) ? `\\${found}` : [...found].map(octal).join(''))

const octal = (char: string): string => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`
