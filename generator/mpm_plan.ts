/*
 * Which MPMs are built, which is the default, in which form; and every refusal about them. Pure.
 * The rules, their order and their words are those of Apache's server/mpm/config*.m4.
 */
import type { Feature } from '../core/port/features.ts'
import { mpms, type MpmRow } from '../mpms/catalog.ts'
import { UserError } from './error.ts'
import { hostMatches } from './host.ts'

export interface MpmChoice {
  /** Every MPM of the build, in the order of the catalog. */
  readonly enabled: readonly MpmRow[]
  /** The default's name as it was meant; empty for none. */
  readonly byDefault: string
  readonly shared: boolean
}

const because: Readonly<Partial<Record<Feature, string>>> = {
  forking: 'This is not a forking platform',
  threads: 'APR does not support threads',
  threadsafe_pollset: 'APR_POLLSET_THREADSAFE is not supported',
}

/** The MPMs that this platform can run; says why of each. */
function supportedOn(host: string, have: ReadonlySet<Feature>, say: (line: string) => void): readonly MpmRow[] {
  return mpms.filter((row) => {
    const lacks = row.needs.find((feature) => !have.has(feature))
    const elsewhere = row.hosts !== undefined && !row.hosts.some((pattern) => hostMatches(host, pattern))
    const why = lacks === undefined ? '' : ` - ${because[lacks] ?? `${lacks} is missing`}`
    say(`checking if ${row.printedName} MPM supports this platform... ${elsewhere || lacks ? `no${why}` : 'yes'}`)
    return !elsewhere && lacks === undefined
  })
}

/** The first of these that is supported is the default; prefork is what remains. */
const preference: readonly (readonly [name: string, printed: string])[] = [
  ['winnt', 'winnt'],
  ['mpmt_os2', 'mpmt_os2'],
  ['netware', 'netware'],
  ['event', 'event'],
  ['worker', 'worker - event is not supported'],
  ['prefork', 'prefork - event and worker are not supported'],
]

function choose(asked: string | undefined, supported: readonly MpmRow[], say: (line: string) => void): string {
  const usual = preference.find(([name]) => supported.some((row) => row.name === name)) ?? preference.at(-1)!
  say(`checking which MPM to use by default... ${asked ?? usual[1]}`)
  return asked === undefined ? usual[0] : asked.replaceAll('-', '_')
}

/** Names of the loadable MPMs that --enable-mpms-shared lists; throws for one that cannot be loadable here. */
function listed(list: string, byDefault: string, supported: readonly MpmRow[]): readonly string[] {
  const loadable = supported.filter((row) => row.loadable).map((row) => row.name)
  const words = (list === 'yes' ? byDefault : list).split(/\s+/).filter((word) => word !== '')
  return words.flatMap((word) => {
    if (word === 'all') return loadable
    const name = word.replaceAll('-', '_')
    if (!loadable.includes(name)) throw new UserError(`MPM ${name} does not support dynamic loading.`)
    return [name]
  })
}

/** Chooses the MPMs. `asked` and `sharedList` are the values of --with-mpm and --enable-mpms-shared. */
export function planMpms(
  asked: string | undefined, sharedList: string | undefined, host: string, have: ReadonlySet<Feature>,
  say: (line: string) => void,
): MpmChoice {
  const supported = supportedOn(host, have, say)
  const byDefault = choose(asked, supported, say)
  const shared = sharedList !== undefined && sharedList !== 'no'
  const loadable = shared ? listed(sharedList, byDefault, supported) : []
  const enabled = new Set([...(byDefault === '' ? [] : [byDefault]), ...loadable])
  for (const name of enabled) {
    if (!supported.some((row) => row.name === name)) {
      throw new UserError(`MPM ${name} is not supported on this platform.`)
    }
  }
  if (shared && !loadable.includes(byDefault)) {
    throw new UserError(
      `The default MPM (${byDefault}) must be included in --enable-mpms-shared.  ` +
      'Use --with-mpm to change the default MPM.')
  }
  return { enabled: mpms.filter((row) => enabled.has(row.name)), byDefault, shared }
}
