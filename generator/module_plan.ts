/*
 * Which modules are built, and in which form: static, shared or not at all; and every refusal about them. Pure.
 * The rules are those of Apache's APACHE_MODULE macro; what is not in this version is refused when asked for
 * and passed over when a selection would have taken it.
 */
import type { Feature } from '../core/port/features.ts'
import { modules, type ModuleClass, type ModuleRow } from '../modules/catalog.ts'
import { UserError } from './error.ts'
import { nearest } from './nearest.ts'

export type Form = 'static' | 'shared' | 'no'
export interface ModuleChoice {
  readonly row: ModuleRow
  readonly form: Form
  /** Its LoadModule line is not commented out. */
  readonly active: boolean
}

/** What the MPMs mean for the modules. */
export interface MpmTraits {
  /** A child is a forked process with a user of its own: mod_unixd has work. */
  readonly unix: boolean
  readonly threaded: boolean
  readonly windows: boolean
  readonly shared: boolean
}

type Say = (line: string) => void
const selections = ['none', 'few', 'most', 'all', 'reallyall']

interface Wishes {
  selection: string
  byDefault: Form
  /** What each --enable-NAME and each list says of a module: yes, no, static, shared or another word. */
  readonly forced: Map<string, string>
}

/** Takes one of the three list options into account. */
function readList(wishes: Wishes, option: string, list: string | undefined, form: 'shared' | 'static'): void {
  if (list === undefined) return
  if (option === 'enable-modules' && list === 'none') {
    wishes.selection = 'none'
    wishes.byDefault = 'no'
    return
  }
  for (const word of list.split(/\s+/).filter((part) => part !== '')) {
    if (selections.includes(word) && word !== 'none') {
      wishes.selection = word
      if (option !== 'enable-modules') wishes.byDefault = form
    } else {
      wishes.forced.set(knownModule(word, option), form)
    }
  }
}

function knownModule(word: string, option: string): string {
  const name = word.replaceAll('-', '_')
  const names = modules.map((row) => row.name)
  if (names.includes(name)) return name
  const close = nearest(name, [...names, ...selections])
  throw new UserError(`--${option}: there is no module ${word}`, close === undefined ? [] : [`Did you mean ${close}?`])
}

function readWishes(values: Readonly<Record<string, string>>): Wishes {
  const wishes: Wishes = { selection: 'most', byDefault: 'shared', forced: new Map() }
  for (const row of modules) {
    const value = values[`enable-${row.name.replaceAll('_', '-')}`]
    if (value !== undefined) wishes.forced.set(row.name, value)
  }
  readList(wishes, 'enable-modules', values['enable-modules'], 'shared')
  readList(wishes, 'enable-mods-shared', values['enable-mods-shared'], 'shared')
  readList(wishes, 'enable-mods-static', values['enable-mods-static'], 'static')
  return wishes
}

/** The class of a row where the MPMs decide: unixd, and CGI by a daemon where there are threads. */
function classOf(row: ModuleRow, mpm: MpmTraits): ModuleClass {
  if (row.name === 'unixd') return mpm.unix ? 'yes' : 'no'
  const daemon = mpm.threaded && !mpm.windows
  if (row.name === 'cgid') return daemon ? 'most' : 'no'
  if (row.name === 'cgi') return daemon ? 'no' : 'most'
  return row.class
}

/** Whether a selection takes in the modules of a class; each word takes in what those before it do. */
function selects(selection: string, cls: ModuleClass): boolean {
  const needed = { few: 1, most: 2, all: 3, no: 4 }[cls as string] ?? 0
  return selections.indexOf(selection) >= needed
}

interface Decision {
  readonly form: Form
  /** The word in parentheses. */
  readonly because?: string
  readonly asked?: boolean
}

/** What the macro decides for one row, before it is known whether the module exists. */
function decide(cls: ModuleClass, wish: string | undefined, wishes: Wishes, formOf: (name: string) => Form): Decision {
  if (wish === 'yes') return { form: wishes.byDefault, asked: true }
  if (wish === 'static' || wish === 'shared') return { form: wish, asked: true }
  if (wish !== undefined) return { form: 'no' }
  if (cls.startsWith('parent:')) return { form: formOf(cls.slice(7)) }
  if (cls === 'yes') return { form: wishes.byDefault }
  if (cls === 'no' && wishes.selection !== 'reallyall') return { form: 'no' }
  return { form: selects(wishes.selection, cls) ? wishes.byDefault : 'no', because: wishes.selection }
}

/** The parts of the core that are modules by name: linked in, unless they are told not to be. */
function decidePart(row: ModuleRow, wish: string | undefined): Form {
  if (wish === 'shared') throw new UserError(`mod_${row.name} can not be built as a shared DSO`)
  return wish === undefined || wish === 'yes' || wish === 'static' ? 'static' : 'no'
}

function refuseMissing(row: ModuleRow, why: string): never {
  throw new UserError(`mod_${row.name} has been requested but can not be built due to prerequisite failures`, [why])
}

/** Why a module cannot be built, for the line of its check and for a refusal. */
function lack(row: ModuleRow, have: ReadonlySet<Feature>): { readonly short: string; readonly long: string } | undefined {
  if (row.source === undefined) return { short: 'not in this version', long: `this version of Switchyard has no mod_${row.name}` }
  if (row.needs === undefined || have.has(row.needs)) return undefined
  return { short: `no ${row.needs}`, long: `it needs ${row.needs}, which was not found here; config.log says why` }
}

/** Chooses the modules, in the order of the catalog. */
export function planModules(
  values: Readonly<Record<string, string>>, mpm: MpmTraits, have: ReadonlySet<Feature>, say: Say,
): ModuleChoice[] {
  const wishes = readWishes(values)
  const taken = new Map<string, Form>()
  const chosen = modules.map((row): ModuleChoice => {
    const wish = wishes.forced.get(row.name)
    const checking = `checking whether to enable mod_${row.name}...`
    if (row.class === 'static') {
      const form = decidePart(row, wish)
      if (row.name !== 'core') say(`${checking} ${form}`)
      return { row, form, active: false }
    }
    const cls = classOf(row, mpm)
    const { form, because, asked } = decide(cls, wish, wishes, (name) => taken.get(name) ?? 'no')
    taken.set(row.name, form)
    const missing = form === 'no' ? undefined : lack(row, have)
    if (missing !== undefined) {
      if (asked === true) refuseMissing(row, missing.long)
      say(`${checking} no (${missing.short})`)
      return { row, form: 'no', active: false }
    }
    say(`${checking} ${form}${because === undefined ? '' : ` (${because})`}`)
    // Apache's rule: what is loaded unasked is the class `yes`; a module that was asked for is built, not loaded.
    return { row, form, active: cls === 'yes' && asked !== true }
  })
  const so = chosen.find((choice) => choice.row.name === 'so')
  const anyShared = mpm.shared || chosen.some((choice) => choice.form === 'shared')
  if (so?.form === 'no' && anyShared) {
    throw new UserError('shared objects have been requested but cannot be built since mod_so was disabled')
  }
  return chosen
}
