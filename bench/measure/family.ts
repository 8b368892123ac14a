/*
 * What a server costs, read from /proc: processor time and memory of a process and of all that descend from it.
 * A process that has ended is counted by its parent, once that has reaped it.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Ticks of a second in /proc: USER_HZ, which is 100 on every architecture that Node runs on. */
const TICKS = 100
const KIB_PER_MIB = 1024

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // The process has just ended.
    return ''
  }
}

/** The fields of a stat line from the third (state) on; the second, a name, may hold anything. */
export const statFields = (text: string): readonly string[] => text.replace(/^.*\) /s, '').trim().split(' ')

const statOf = (pid: number): readonly string[] => statFields(textOf(`/proc/${pid}/stat`))

type Parents = readonly (readonly [pid: number, parent: number])[]

function parentsOf(): Parents {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
  return all.map((one) => [one, Number(statOf(one)[1])] as const)
}

/** The children of a process. */
export const childrenOf = (pid: number): number[] =>
  parentsOf().filter(([, parent]) => parent === pid).map(([one]) => one)

/** A process and its descendants. */
export function familyOf(pid: number): number[] {
  const parents = parentsOf()
  const family = [pid]
  // Grows while it is walked.
  for (const member of family) for (const [one, parent] of parents) if (parent === member) family.push(one)
  return family
}

/** User and system time (s) in a stat line, with that of children that were reaped. */
export function cpuSeconds(fields: readonly string[]): number {
  // utime, stime, cutime, cstime: fields 14 to 17 of the line.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS
}

/** Processor time (s) that a family has used since it began. */
export const cpuOf = (pid: number): number => familyOf(pid).reduce((sum, one) => sum + cpuSeconds(statOf(one)), 0)

export interface Memory {
  /** MiB: what is shared is divided by all processes of the machine that share it. */
  readonly pss: number
  /** MiB that no other process has. */
  readonly private: number
}

const kibOf = (text: string, name: RegExp): number =>
  [...text.matchAll(name)].reduce((sum, [, kib]) => sum + Number(kib), 0)

export function parseRollup(text: string): Memory {
  return {
    pss: kibOf(text, /^Pss: +(\d+) kB$/gm) / KIB_PER_MIB,
    private: kibOf(text, /^Private_(?:Clean|Dirty|Hugetlb): +(\d+) kB$/gm) / KIB_PER_MIB,
  }
}

export function memoryOf(pid: number): Memory {
  const all = familyOf(pid).map((one) => parseRollup(textOf(`/proc/${one}/smaps_rollup`)))
  return all.reduce((sum, one) => ({ pss: sum.pss + one.pss, private: sum.private + one.private }), { pss: 0, private: 0 })
}

/**
 * Memory (MiB) that processes would have if no others ran: private memory, and each piece of a file once, at the most
 * that one of them has in memory. PSS flatters a server whose program others run, too, as this benchmark runs node.
 */
export function aloneMib(smaps: readonly string[]): number {
  const shared = new Map<string, number>()
  let kib = 0
  for (const text of smaps) {
    for (const map of text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
      const [, , offset = '', device = '', inode = ''] = map.split('\n', 1)[0]!.split(/ +/)
      const own = kibOf(map, /^Private_(?:Clean|Dirty): +(\d+) kB$/gm)
      const rest = kibOf(map, /^Rss: +(\d+) kB$/gm) - own
      kib += own
      const key = `${device} ${inode} ${offset}`
      shared.set(key, Math.max(shared.get(key) ?? 0, rest))
    }
  }
  return ([...shared.values()].reduce((sum, one) => sum + one, 0) + kib) / KIB_PER_MIB
}

export const aloneOf = (pid: number): number => aloneMib(familyOf(pid).map((one) => textOf(`/proc/${one}/smaps`)))
