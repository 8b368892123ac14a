/* Numbers, sizes, times and durations as Apache's mod_status writes them. */
import { strftime } from 'httpd'

/**
 * C's `%.{precision}g`: so many significant digits, no zeros at the end, an exponent where the number is below 1e-4
 * or has more digits than that.
 */
export function general(value: number, precision = 6): string {
  if (value === 0) return '0'
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  const [mantissa, exponent] = value.toExponential(precision - 1).split('e') as [string, string]
  const power = Number(exponent)
  if (power >= -4 && power < precision) return withoutZeros(value.toFixed(precision - 1 - power))
  const digits = String(Math.abs(power)).padStart(2, '0')
  return `${withoutZeros(mantissa)}e${power < 0 ? '-' : '+'}${digits}`
}

const withoutZeros = (text: string): string => text.includes('.') ? text.replace(/\.?0+$/, '') : text

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** A number of bytes: each unit is used from half of it on, kB from 5 KiB on. */
export function bytesText(bytes: number): string {
  if (bytes < 5 * KIB) return `${Math.floor(bytes)} B`
  if (bytes < MIB / 2) return `${(bytes / KIB).toFixed(1)} kB`
  if (bytes < GIB / 2) return `${(bytes / MIB).toFixed(1)} MB`
  return `${(bytes / GIB).toFixed(1)} GB`
}

/** A total, in KiB. */
export function kilobytesText(kib: number): string {
  if (kib < KIB) return `${Math.floor(kib)} kB`
  if (kib < MIB) return `${(kib / KIB).toFixed(1)} MB`
  return `${(kib / MIB).toFixed(1)} GB`
}

/** `Friday, 20-Nov-2026 09:20:54 UTC`, local zone. @param ms since the epoch */
export const timeText = (ms: number): string => strftime('%A, %d-%b-%Y %H:%M:%S %Z', ms)

const UNITS = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]] as const

/** ` 1 hour 2 seconds`: a blank before each part, parts that are 0 left out; nothing for 0. */
export function uptimeText(seconds: number): string {
  let text = ''
  let rest = Math.floor(seconds)
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) text += ` ${count} ${unit}${count === 1 ? '' : 's'}`
  }
  return text
}

/** `3d 4h`, `12 min`, `7 s`: the two largest parts at most, for a table. */
export function ageText(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`
}
