/** What mod_substitute's directives say, and in which order the rules of several places come. */
import { ConfigError, parsed, Settings, type Arg, type Command } from 'httpd'
import type { Rule } from './rules.ts'

/** What one place says, or several together. */
interface Said {
  readonly rules: readonly Rule[]
  /** Rules from outside of this place come first; unset: as outside. */
  readonly inheritBefore?: boolean | undefined
  /** Bytes of a line, its end included. */
  readonly longest?: number | undefined
}

interface Place extends Said {
  /** Kind of the section; undefined: a server. */
  readonly kind: string | undefined
}

export interface Conf {
  readonly places: readonly Place[]
  readonly all: Said
}

const NONE: Said = { rules: [] }

const join = (outer: Said, inner: Said): Said => {
  const inheritBefore = inner.inheritBefore ?? outer.inheritBefore
  const [first, then] = inheritBefore === true ? [outer, inner] : [inner, outer]
  return { rules: [...first.rules, ...then.rules], inheritBefore, longest: inner.longest ?? outer.longest }
}

/** As Apache: sections of one kind, directories with their .htaccess files, first come together, then with what was before. */
function joined(places: readonly Place[]): Said {
  const groups: { kind: string | undefined; said: Said }[] = []
  for (const place of places) {
    const last = groups.at(-1)
    if (last !== undefined && last.kind === place.kind) last.said = join(last.said, place)
    else groups.push({ kind: place.kind, said: place })
  }
  return groups.map(({ said }) => said).reduce(join)
}

const confOf = (places: readonly Place[]): Conf => ({ places, all: joined(places) })

/** One value: what is inherited stands before or behind, as the place within says. */
export const substitution = new Settings('directory', { conf: { places: [], all: NONE } as Conf }, {
  conf: (outer, inner) => confOf([...outer.places, ...inner.places]),
})

export function say(said: { conf?: Conf }, { section }: Command, more: (so: Said) => Partial<Said>): void {
  const place = said.conf?.places[0] ?? { ...NONE, kind: section?.kind }
  said.conf = confOf([{ ...place, ...more(place) }])
}

const UNITS: Readonly<Record<string, bigint>> = { '': 1n, b: 1n, k: 1n << 10n, m: 1n << 20n, g: 1n << 30n }
const INT64_MAX = 0x7fffffffffffffffn
const NO_LENGTH = "SubstituteMaxLineLength must be a non-negative integer optionally suffixed with 'b', 'k', 'm' or 'g'."

export const lineLength: Arg<number> = parsed((text) => {
  const [, sign, digits, unit] = /^\s*([-+]?)(\d*)([bkmg]?)$/i.exec(text) ?? []
  if (unit === undefined) throw new ConfigError(NO_LENGTH)
  const bytes = BigInt(digits!)
  if (bytes > INT64_MAX || (sign === '-' && bytes > 0n)) throw new ConfigError(NO_LENGTH)
  const all = bytes * UNITS[unit.toLowerCase()]!
  if (all > INT64_MAX) throw new ConfigError('SubstituteMaxLineLength value too large')
  return Number(all)
})
