/** Options and AllowOverride: their words, and what those may not be combined with. */
import type { Command } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import { Opt, OPT_ALL, type DirCore } from './core_settings.ts'

type Said = Partial<DirCore>

const OPTIONS: Readonly<Record<string, number>> = {
  indexes: Opt.indexes, includes: Opt.includesNoExec | Opt.includesExec, includesnoexec: Opt.includesNoExec, followsymlinks: Opt.followSymLinks,
  symlinksifownermatch: Opt.symLinksIfOwnerMatch, execcgi: Opt.execCgi, multiviews: Opt.multiViews,
}

const EVERY_OPTION = Object.values(OPTIONS).reduce((all, bits) => all | bits)

const MIXED = 'Either all Options must start with + or -, or no Option may.'

interface OptionWord { readonly sign: string; readonly name: string; readonly whole: boolean }

/** `Options [+|-]NAME ...`: either all set what holds, or all change it; after All or None both may stand. */
export function options(said: Said, { overrideOptions }: Command, words: readonly string[]): void {
  const parsed = words.map(optionWord)
  checkOptions(parsed)
  if (overrideOptions !== undefined) checkRights(parsed, overrideOptions)
  let { set, add, remove } = said.options ?? { set: undefined, add: 0, remove: 0 }
  if (parsed[0]!.sign === '') [set, add, remove] = [0, 0, 0]
  for (const { sign, name } of parsed) {
    const bits = bitsOf(name)
    if (sign === '') set = set! | bits
    else if (sign === '+') [add, remove] = [add | bits, remove & ~bits]
    else [add, remove] = [add & ~bits, remove | bits]
  }
  if (set !== undefined) [set, add, remove] = [(set & ~remove) | add, 0, 0]
  said.options = { set, add, remove }
}

function optionWord(text: string): OptionWord {
  const sign = /^[+-]/.exec(text)?.[0] ?? ''
  const name = text.slice(sign.length)
  return { sign, name, whole: /^(all|none)$/i.test(name) }
}

function checkOptions(words: readonly OptionWord[]): void {
  const wholeFirst = words[0]!.whole && words[0]!.sign === ''
  words.forEach(({ sign, name, whole }, i) => {
    if (!whole && !(name.toLowerCase() in OPTIONS)) throw new ConfigError(`Illegal option ${name}`)
    if (whole && sign !== '') throw new ConfigError(`You may not use 'Options +${name}' or 'Options -${name}'.`)
    if (whole && i > 0) throw new ConfigError(`'Options ${name}' must be the first Option given.`)
    const mixed = i > 0 && (sign === '') !== (words[i - 1]!.sign === '')
    if (mixed && !(i > 0 && wholeFirst && sign !== '')) throw new ConfigError(MIXED)
  })
}

/** AllowOverride Options, with a list or without: others may neither be set nor taken away. */
function checkRights(words: readonly OptionWord[], allowed: number): void {
  for (const { name } of words)
    if (bitsOf(name) & ~allowed) throw new ConfigError(`Option ${name} not allowed here`)
}

const bitsOf = (name: string): number => {
  const lower = name.toLowerCase()
  return lower === 'all' ? OPT_ALL : lower === 'none' ? 0 : OPTIONS[lower]!
}

const CLASSES = ['AuthConfig', 'FileInfo', 'Indexes', 'Limit', 'Options']

/** `AllowOverride CLASS|All|None|Options=a,b|Nonfatal=Override|Unknown|All ...` */
export function allowOverride(said: Said, _command: Command, words: readonly string[]): void {
  const classes = new Set<string>()
  said.nonfatalOverride = said.nonfatalUnknown = false
  delete said.allowOverrideOptions
  for (const text of words) {
    const [key, value] = split(text)
    const name = CLASSES.find((cls) => cls.toLowerCase() === key)
    // As Apache: without a list it lets through what `Options All` switches on.
    if (name === 'Options') said.allowOverrideOptions = value === undefined ? OPT_ALL : optionList(value)
    if (name !== undefined) classes.add(name)
    else if (key === 'nonfatal') nonfatal(said, value, text)
    else if (key === 'all') {
      CLASSES.forEach((cls) => classes.add(cls))
      said.allowOverrideOptions = EVERY_OPTION
    }
    else if (key === 'none') classes.clear()
    else throw new ConfigError(`Illegal override option ${text}`)
  }
  said.allowOverride = [...classes]
}

function split(text: string): [key: string, value: string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text.toLowerCase(), undefined] : [text.slice(0, at).toLowerCase(), text.slice(at + 1)]
}

function nonfatal(said: Said, value: string | undefined, text: string): void {
  const which = value?.toLowerCase()
  if (which !== 'override' && which !== 'unknown' && which !== 'all')
    throw new ConfigError(`Illegal override option ${text}`)
  if (which !== 'unknown') said.nonfatalOverride = true
  if (which !== 'override') said.nonfatalUnknown = true
}

function optionList(value: string): number {
  let bits = 0
  for (const name of value.split(',')) {
    if (!/^(all|none)$/i.test(name) && !(name.toLowerCase() in OPTIONS)) throw new ConfigError(`Illegal option ${name}`)
    bits |= bitsOf(name)
  }
  return bits
}
