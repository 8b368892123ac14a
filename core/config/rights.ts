/** What an .htaccess file may say: AllowOverride and AllowOverrideList, as they hold for its directory. */
import type { Directive } from './directive.ts'
import type { Override } from './where.ts'

export interface Rights {
  readonly overrides: readonly Override[]
  /** Names of AllowOverrideList, in any case of letters. */
  readonly list: readonly string[]
  /** AllowOverride Options=a,b: bits that may be switched; undefined: all. */
  readonly options?: number | undefined
  /** AllowOverride Nonfatal=: what is only skipped, with a warning in the error log. */
  readonly nonfatalOverride?: boolean
  readonly nonfatalUnknown?: boolean
}

export function allows(rights: Rights, { name, where }: Directive): boolean {
  return where.overrides.some((override) => rights.overrides.includes(override)) ||
    rights.list.some((each) => each.toLowerCase() === name.toLowerCase())
}

/** True if no .htaccess file is looked for at all. */
export const nothing = (rights: Rights): boolean => rights.overrides.length === 0 && rights.list.length === 0

/** Equal rights have equal keys. */
export const keyOf = ({ overrides, list, options, nonfatalOverride, nonfatalUnknown }: Rights): string =>
  JSON.stringify([overrides.toSorted(), list.toSorted(), options ?? null, !!nonfatalOverride, !!nonfatalUnknown])
