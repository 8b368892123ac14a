/* What the client may choose: `?C=N;O=D;F=2;V=1;P=*.txt`. */
import { osEscapePath, unescapeUrl } from 'httpd'
import { Option } from './options.ts'
import type { Key, Listing } from './settings.ts'
import { optionsOf } from './settings.ts'

export interface View {
  readonly options: number
  readonly key: Key
  readonly ascending: boolean
  /** Names that are shown (fnmatch); undefined: all. */
  readonly pattern: string | undefined
  /** What links of the column heads carry on. */
  readonly carried: string
}

type Draft = { -readonly [K in keyof View]: View[K] } & { format: string; versions: string }

/** @param args the query of the request. What cannot be understood ends it. */
export function viewOf(listing: Listing, args: string | undefined): View {
  const options = optionsOf(listing)
  const { key, ascending } = listing.order ?? { key: 'N', ascending: true }
  const draft: Draft = { options, key, ascending, pattern: undefined, carried: '', format: '', versions: '' }
  if (options & Option.ignoreClient) return { ...draft, options: options | Option.noColumnSorting }
  let escaped = ''
  for (const part of (args ?? '').split(/[&;]/)) {
    if (part.startsWith('P=')) {
      // Empty it shows all again, but links carry on what was there before, as in Apache.
      draft.pattern = part.length > 2 ? unescaped(part.slice(2)) : undefined
      if (draft.pattern !== undefined) escaped = `;P=${osEscapePath(draft.pattern)}`
    } else if (!choose(draft, part)) break
  }
  return { ...draft, carried: draft.format + draft.versions + escaped }
}

/** What cannot be decoded, or is more than a name, is no pattern. */
const unescaped = (text: string): string | undefined => /%2f|%00/i.test(text) ? undefined : unescapeUrl(text)

function choose(draft: Draft, part: string): boolean {
  const [, name, value] = /^([COFV])=(.)$/s.exec(part) ?? []
  if (name === 'C' && 'NMSD'.includes(value!)) draft.key = value as Key
  else if (name === 'O' && 'AD'.includes(value!)) draft.ascending = value === 'A'
  else if (name === 'F' && '012'.includes(value!)) {
    draft.options = withFormat(draft.options, value!)
    draft.format = `;F=${value!}`
  } else if (name === 'V' && '01'.includes(value!)) {
    draft.options = value === '1' ? draft.options | Option.versionSort : draft.options & ~Option.versionSort
    draft.versions = `;V=${value!}`
  } else return false
  return true
}

function withFormat(options: number, format: string): number {
  const plain = options & ~(Option.fancy | Option.table)
  return format === '0' ? plain : format === '1' ? plain | Option.fancy : plain | Option.fancy | Option.table
}
