/*
 * The two formats for programs, read independently of how they are made: Apache's `?auto` the way collectd, munin and
 * telegraf read it, and the text exposition format 0.0.4 by the letter. Both refuse what they do not understand.
 */

export interface Auto {
  /** The first line. */
  readonly name: string
  /** In order. */
  readonly keys: readonly string[]
  readonly values: ReadonlyMap<string, string>
  /** @throws Error if there is no such number */
  number(key: string): number
  readonly scoreboard: string
}

/** As telegraf: cut at the first colon; the first line has none. */
export function parseAuto(text: string): Auto {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new Error('The last line does not end')
  const name = lines.shift() ?? ''
  const pairs = lines.map((line) => {
    const [, key, value] = /^([A-Za-z0-9 ]+):(?: (.*))?$/.exec(line) ?? []
    if (key === undefined) throw new Error(`Not a line of ?auto: ${line}`)
    return [key, value ?? ''] as const
  })
  const values = new Map(pairs)
  if (values.size !== pairs.length) throw new Error('A key is there twice')
  return {
    name, values, keys: pairs.map(([key]) => key), scoreboard: values.get('Scoreboard') ?? '',
    number(key) {
      const value = values.get(key)
      if (value === undefined || !/^-?\d+(\.\d+)?(e[+-]\d\d)?$/.test(value)) throw new Error(`${key} is no number: ${value}`)
      return Number(value)
    },
  }
}

/** As collectd: words between blanks; `Total X: N` are three of them, all else two. */
export function collectd(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const line of text.split('\n')) {
    const words = line.split(/[ \t]+/)
    if (words.length === 3 && words[0] === 'Total') found.set(`Total ${words[1]}`, Number.parseInt(words[2]!, 10))
    if (words.length !== 2) continue
    if (words[0] === 'Scoreboard:') for (const letter of words[1]!) found.set(letter, (found.get(letter) ?? 0) + 1)
    else if (/^(Busy|Idle)Workers:$/.test(words[0]!)) found.set(words[0]!, Number.parseInt(words[1]!, 10))
  }
  return found
}

/** As munin: one regular expression for each value. */
export const munin = (text: string) => ({
  busy: Number(/^BusyWorkers:\s+(\d+)$/m.exec(text)?.[1] ?? NaN),
  idle: Number(/^IdleWorkers:\s+(\d+)$/m.exec(text)?.[1] ?? NaN),
  free: (/^Scoreboard:\s+(.*)$/m.exec(text)?.[1] ?? '').replace(/[^.]/g, '').length,
  accesses: Number(/^Total Accesses:\s+(\d+)$/m.exec(text)?.[1] ?? NaN),
  kilobytes: Number(/^Total kBytes:\s+(\d+)$/m.exec(text)?.[1] ?? NaN),
})

export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: ReadonlyMap<string, number>
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/**
 * Families by name; samples by their labels, sorted: `{a="1",b="2"}`, '' without.
 * @throws Error at the first fault
 */
export function parseMetrics(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('The last line does not end')
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>()
  let current = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line)
    if (comment === null) {
      const [name, labels, value] = sampleOf(line)
      if (name !== current) throw new Error(`A sample outside of its family: ${line}`)
      const { samples } = families.get(name)!
      if (samples.has(labels)) throw new Error(`A sample is there twice: ${line}`)
      samples.set(labels, value)
      continue
    }
    const [, kind, name, rest] = comment as unknown as [string, string, string, string]
    if (kind === 'HELP') {
      if (families.has(name)) throw new Error(`A family in two parts: ${name}`)
      if (!NAME.test(name) || /\\[^\\n]/.test(rest)) throw new Error(`Not a HELP line: ${line}`)
      families.set(current = name, { type: '', help: rest, samples: new Map() })
    } else {
      if (name !== current || !/^(counter|gauge)$/.test(rest)) throw new Error(`Not its TYPE line: ${line}`)
      families.get(name)!.type = rest
    }
  }
  for (const [name, { type, samples }] of families) {
    if (type === '' || samples.size === 0) throw new Error(`${name} has no type or no sample`)
    if ((type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is no name for a ${type}`)
    if (type === 'counter') for (const value of samples.values()) if (value < 0) throw new Error(`${name} is negative`)
  }
  return families
}

function sampleOf(line: string): [name: string, labels: string, value: number] {
  const name = /^[^{ ]+/.exec(line)?.[0] ?? ''
  if (!NAME.test(name)) throw new Error(`Not a name: ${line}`)
  const labels = new Map<string, string>()
  let at = name.length
  if (line[at] === '{') {
    do {
      const [all, label, value] = /^([^=]+)="((?:[^"\\]|\\["\\n])*)"/.exec(line.slice(++at)) ?? []
      if (all === undefined || !LABEL.test(label!) || labels.has(label!)) throw new Error(`Not a label: ${line}`)
      labels.set(label!, value!)
      at += all.length
    } while (line[at] === ',')
    if (line[at++] !== '}') throw new Error(`Labels without an end: ${line}`)
  }
  const value = line.slice(at + 1)
  if (line[at] !== ' ' || !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(value)) throw new Error(`Not a value: ${line}`)
  const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, text]) => `${label}="${text}"`)
  return [name, sorted.length === 0 ? '' : `{${sorted.join(',')}}`, Number(value)]
}
