/* Which file is written when. Pure, but for what the time zone is. */
import { strftime } from '../../core/base/dates.ts'
import type { Wanted } from './command_line.ts'

/** Seconds that the clock of -l or of an offset is before UTC. @param now milliseconds */
export const aheadOfUtc = ({ local, offset }: Wanted, now: number): number =>
  local ? -60 * new Date(now).getTimezoneOffset() : offset

/**
 * When the file that is written now begins, in seconds of that clock since 1970 began there: with a period a multiple
 * of it.
 */
export function beginning(wanted: Wanted, now: number): number {
  const seconds = Math.floor(now / 1000) + aheadOfUtc(wanted, now)
  return wanted.period > 0 ? Math.floor(seconds / wanted.period) * wanted.period : seconds
}

/** How many milliseconds after `now` a file that begins at `begun` ends; with no period it never does. */
export const timeLeft = (wanted: Wanted, begun: number, now: number): number =>
  wanted.period > 0 ? (begun + wanted.period - aheadOfUtc(wanted, now)) * 1000 - now : Infinity

/**
 * The name of the file that begins at `begun`.
 * @param turn with -n: how many files were there before, taken as often as there are files
 */
export function nameOf(wanted: Wanted, begun: number, now: number, turn: number): string {
  const { name, local, truncate, files } = wanted
  // Without -l the process is in UTC, and an offset moves what the clock shows.
  if (name.includes('%')) return strftime(name, (begun - (local ? aheadOfUtc(wanted, now) : 0)) * 1000)
  if (truncate) return name
  if (files > 0) return turn % files === 0 ? name : `${name}.${turn % files}`
  return `${name}.${String(begun).padStart(10, '0')}`
}
