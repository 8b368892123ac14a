/*
 * mod_filter: filters that look at a response before they decide what to do with it. A chain of names per place; each
 * name stands for providers with conditions; the first whose condition holds when the body begins does the work.
 */
import {
  allowedBy, ConfigError, each, optional, parseCondition, word, type Command, type Module, type Request,
} from 'httpd'
import { harnessOf, matches } from './filter/harness.ts'
import { filtering, newFilter, TYPES, type Declared, type Protocol, type Provider, type Said } from './filter/settings.ts'

const OPTIONS = allowedBy('Options')
const FILEINFO = allowedBy('FileInfo')
const BY_TYPE = 'BYTYPE:'

const find = (said: Said, name: string): Declared | undefined => said.declared?.[name.toLowerCase()]

function keep(said: Said, filter: Declared): void {
  // This place's own: there may be any number of lines.
  const declared: Record<string, Declared> = (said.declared ??= {})
  declared[filter.name.toLowerCase()] = filter
}

function declare(said: Said, _: Command, name: string, type: string | undefined): void {
  const number = type === undefined ? undefined : TYPES[type.toUpperCase()]
  if (type !== undefined && number === undefined) {
    throw new ConfigError(`FilterDeclare type must be one of ${Object.keys(TYPES).join(', ')}, not "${type}"`)
  }
  keep(said, newFilter(name, number))
}

function provide(said: Said, command: Command, name: string, provider: Omit<Provider, 'type' | 'protocol'>): void {
  const type = command.table?.outputFilterType(provider.filter)
  if (type === undefined) throw new ConfigError(`Unknown filter provider ${provider.filter}`)
  const filter = find(said, name) ?? newFilter(name)
  keep(said, {
    ...filter, type: Math.max(filter.type, type), providers: [...filter.providers, { ...provider, type, protocol: {} }],
  })
}

function addProvider(said: Said, command: Command, name: string, filter: string, expression: string): void {
  const condition = parseCondition(expression, command, 'Error parsing FilterProvider expression: ')
  provide(said, command, name, { filter, condition, types: undefined })
}

function addByType(said: Said, command: Command, filters: string, types: readonly string[]): void {
  for (const filter of filters.split(';').filter(Boolean)) {
    const name = BY_TYPE + filter
    const isNew = find(said, name) === undefined
    provide(said, command, name, { filter, condition: undefined, types })
    if (isNew) chain(said, [name])
  }
}

/** `+NAME` or `NAME` behind, `@NAME` in front, `-NAME` out, `=NAME` alone, `!` none. */
function chain(said: Said, words: readonly string[]): void {
  let { fresh, names } = said.chain ?? filtering.defaults.chain
  for (const text of words) {
    const sign = /^[-+@=!]/.exec(text)?.[0] ?? '+'
    const name = text.replace(/^[-+@=!]/, '')
    if (sign === '+') names = [...names, name]
    else if (sign === '@') names = [name, ...names]
    else if (sign === '-') names = names.filter((other) => other.toLowerCase() !== name.toLowerCase())
    else {
      fresh = true
      names = sign === '=' ? [name] : []
    }
  }
  said.chain = { fresh, names }
}

function protocol(said: Said, _: Command, name: string, second: string, third: string | undefined): void {
  const filter = find(said, name)
  if (filter === undefined) throw new ConfigError('FilterProtocol: No such filter')
  const flags = protocolOf(third ?? second)
  if (third === undefined) return keep(said, { ...filter, protocol: { ...filter.protocol, ...flags } })
  const at = filter.providers.findIndex(({ filter: provider }) => provider.toLowerCase() === second.toLowerCase())
  if (at < 0) throw new ConfigError('FilterProtocol: No such provider for this filter')
  const provider = filter.providers[at]!
  keep(said, { ...filter, providers: filter.providers.with(at, { ...provider, protocol: { ...provider.protocol, ...flags } }) })
}

const FLAGS: Readonly<Record<string, Protocol>> = {
  'change=yes': { change: 'yes' }, 'change=no': { change: 'no' }, 'change=1:1': { change: '1:1' },
  'byteranges=no': { byteranges: false }, 'proxy=no': { proxy: 'no' }, 'proxy=transform': { proxy: 'transform' },
  'cache=no': { cache: false },
}

function protocolOf(text: string): Protocol {
  const flags: Protocol[] = text.toLowerCase().split(/[\s,;]+/).filter(Boolean).map((word) => {
    const known = FLAGS[word]
    if (known === undefined) throw new ConfigError(`FilterProtocol cannot be "${word}": it is one of ${Object.keys(FLAGS).join(', ')}`)
    return known
  })
  return Object.assign({}, ...flags) as Protocol
}

function trace(said: Said, _: Command, name: string, level: string): void {
  const filter = find(said, name)
  if (filter === undefined) throw new ConfigError(`Undeclared smart filter ${name}`)
  keep(said, { ...filter, trace: Number.parseInt(level, 10) || 0 })
}

/** insert_filter: the chain that holds here. */
export function insertChain(r: Request): void {
  const { chain, declared } = r.dir(filtering)
  for (const name of chain.names) {
    const filter = declared[name.toLowerCase()]
    if (filter === undefined) r.log('error', 'filter', `AH01380: Unknown filter ${name} not added`)
    else if (mayApply(filter, r)) r.addOutputFilter(harnessOf(filter))
  }
}

// The type of a file that no other handler serves is known already: pictures need no thread that may block.
function mayApply({ providers, trace }: Declared, r: Request): boolean {
  if (trace > 0 || r.handler !== undefined || r.finfo.type !== 'file') return true
  return providers.some((provider) => provider.types === undefined || matches(provider, r) === true)
}

export const module = {
  name: 'filter_module',
  file: 'mod_filter.c',
  settings: [filtering],
  directives: [
    filtering.directive('FilterDeclare', [word, optional(word)], declare, OPTIONS,
      'A filter, and where it stands: RESOURCE, CONTENT_SET, PROTOCOL, TRANSCODE, CONNECTION or NETWORK'),
    filtering.directive('FilterProvider', [word, word, word], addProvider, OPTIONS,
      'A filter, a filter that does its work, and the condition for that'),
    filtering.directive('FilterChain', [each(word)], (said, _, words) => chain(said, words), OPTIONS,
      'Filters in order: +name, @name in front, -name, =name alone, ! none'),
    filtering.directive('FilterTrace', [word, word], trace, OPTIONS, 'A filter, and how much of it is logged (0 to 2)'),
    filtering.directive('FilterProtocol', [word, word, optional(word)], protocol, OPTIONS,
      'A filter, possibly one of its providers, and what it does to a response: change=, byteranges=, cache=, proxy='),
    filtering.directive('AddOutputFilterByType', [word, each(word)], addByType, FILEINFO,
      'Filters, separated by semicolons, and the media types that they are for'),
  ],
  register({ insertFilter }, on) {
    on(insertFilter, insertChain, { quick: true, when: (settings) => settings.dir(filtering).chain.names.length > 0 })
  },
} satisfies Module
