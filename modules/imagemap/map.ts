/*
 * Map files, line by line: `base URL`, `default URL`, and areas: `rect URL ["text"] x,y x,y ["text"]`. Reading is pure;
 * what a line means is for those who answer.
 */
import { MOST_CORNERS, type Point } from './shapes.ts'

export type MapLine =
  | { readonly kind: 'blank' }
  /** Without its number sign. */
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'base'; readonly value: string }
  | { readonly kind: 'default'; readonly value: string; readonly text: string | undefined }
  | { readonly kind: 'area'; readonly shape: string; readonly value: string; readonly text: string | undefined; readonly points: readonly Point[] }
  /** Number of the line, from 1. */
  | { readonly kind: 'fault'; readonly line: number }

/** A line that is longer ends the map, as in Apache. */
const LONGEST_LINE = 8191

/** Up to a line that cannot be understood. @param text one character per byte */
export function* mapLines(text: string): Generator<MapLine> {
  const physical = text.split('\n')
  if (physical.at(-1) === '') physical.pop()
  for (let at = 0; at < physical.length; at++) {
    let whole = physical[at]!
    while (whole.endsWith('\\') && at + 1 < physical.length && whole.length <= LONGEST_LINE) whole = whole.slice(0, -1) + physical[++at]!
    if (whole.length > LONGEST_LINE) return
    const line = read(trimmed(whole), at + 1)
    yield line
    if (line.kind === 'fault') return
  }
}

const trimmed = (line: string): string => line.replace(/^[ \t\n\v\f\r]+/, '').replace(/(?<![ \t\n\v\f\r])[ \t\n\v\f\r]+$/, '')

function read(line: string, number: number): MapLine {
  if (line === '') return { kind: 'blank' }
  if (line.startsWith('#')) return { kind: 'comment', text: line.slice(1) }
  const match = /^(\S+)\s+(\S+)\s?(.*)$/s.exec(line)
  if (match === null) return { kind: 'fault', line: number }
  const [, directive, value, tail] = match as unknown as [string, string, string, string]
  if (/^base/i.test(directive)) return { kind: 'base', value }
  const { text, rest } = quoted(tail)
  if (directive.toLowerCase() === 'default') return { kind: 'default', value, text }
  const { points, behind } = readPoints(rest)
  return { kind: 'area', shape: directive.toLowerCase(), value, points, text: text ?? quoted(behind).text }
}

/** A text in quotes at the start, and what is behind it. */
function quoted(tail: string): { readonly text: string | undefined; readonly rest: string } {
  const match = /^\s*"([^"]*)"?/.exec(tail)
  return match === null ? { text: undefined, rest: tail } : { text: match[1]!, rest: tail.slice(match[0].length) }
}

const NUMBER = /\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y

/** Pairs `x,y`, as far as they go. */
function readPoints(text: string): { readonly points: readonly Point[]; readonly behind: string } {
  const points: Point[] = []
  let at = 0
  while (points.length < MOST_CORNERS) {
    const x = numberAt(text, at)
    const between = x === undefined ? 0 : separator(text, x.end)
    const y = between === 0 ? undefined : numberAt(text, x!.end + between)
    if (y === undefined) break
    points.push([x!.value, y.value])
    at = behindPair(text, at)
  }
  return { points, behind: text.slice(at) }
}

function numberAt(text: string, at: number): { readonly value: number; readonly end: number } | undefined {
  NUMBER.lastIndex = at
  const match = NUMBER.exec(text)
  return match === null ? undefined : { value: Number(match[0]), end: NUMBER.lastIndex }
}

/** How many commas and blanks stand there. */
function separator(text: string, at: number): number {
  let end = at
  while (text[end] === ',' || text[end] === ' ') end++
  return end - at
}

/** Apache's way from pair to pair knows digits only: `1.5,2` is read as a pair once, and from `5,2` on again. */
function behindPair(text: string, from: number): number {
  const skip = (at: number, kind: RegExp): number => {
    let end = at
    while (end < text.length && kind.test(text[end]!)) end++
    return end
  }
  const comma = skip(skip(from, /\s/), /\d/)
  return skip(skip(Math.min(comma + 1, text.length), /\s/), /\d/)
}
