/** Values that several of the core's directives take. Each throws a ConfigError with Apache's words. */
import { statSync } from 'node:fs'
import { parsed, type Arg } from '../config/args.ts'
import { ConfigError } from '../config/errors.ts'
import { fsPath } from '../config/include.ts'

/** As atoi, but not below 0; `rest` ends the message `NAME "-1" must be a non-negative integer`. */
export const notNegative = (name: string, rest = ''): Arg<number> =>
  parsed((text) => {
    const value = Number.parseInt(text, 10) || 0
    if (value < 0) throw new ConfigError(`${name} "${text}" must be a non-negative integer${rest}`)
    return value
  })

/** As atoi, but at least 1. */
export const atLeastOne = (name: string): Arg<number> =>
  parsed((text) => {
    const value = Number.parseInt(text, 10) || 0
    if (value < 1) throw new ConfigError(`${name} must be > 0`)
    return value
  })

/** Digits and nothing else; `message` otherwise. */
export const wholeNumber = (message: string): Arg<number> =>
  parsed((text) => {
    const value = Number(text)
    if (!/^\+?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new ConfigError(message)
    return value
  })

/** A whole number between two others; `what` ends the message `parameter must be ...: TEXT`. */
export const within = (what: string, least: number, most: number): Arg<number> =>
  parsed((text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN
    if (!(value >= least && value <= most)) throw new ConfigError(`parameter must be ${what}: ${text}`)
    return value
  })

/** On or Off where Apache does not use its flag, and so has another text. */
export const onOff = (message = "parameter must be 'on' or 'off'"): Arg<boolean> =>
  parsed((text) => {
    const lower = text.toLowerCase()
    if (lower !== 'on' && lower !== 'off') throw new ConfigError(message)
    return lower === 'on'
  })

const UNITS: Readonly<Record<string, number>> = { '': 1000, s: 1000, ms: 1, mi: 60_000, min: 60_000, h: 3_600_000 }

/** A time with an optional unit (ms, s, mi, h), in seconds if there is none. Answers milliseconds. */
export const duration = (name: string): Arg<number> =>
  parsed((text) => {
    const time = timeOf(text)
    if (time === undefined) throw new ConfigError(`${name} has wrong format`)
    return time
  })

/** The same time as text; undefined if it is none. */
export function timeOf(text: string): number | undefined {
  const match = /^(\d+)([a-z]*)$/i.exec(text)
  const unit = match === null ? undefined : UNITS[match[2]!.toLowerCase()]
  return unit === undefined ? undefined : Number(match![1]) * unit
}

/** A path, absolute from ServerRoot. */
export const path: Arg<string> = parsed((text, command) => command.serverRootRelative(text))

export const isDirectory = (name: string): boolean =>
  statSync(fsPath(name), { throwIfNoEntry: false })?.isDirectory() ?? false

/** True for `scheme:...`: what Apache takes for a URL need not have slashes. */
export const isUrl = (text: string): boolean => /^[a-z0-9+.-]+:/i.test(text)
