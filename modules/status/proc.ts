/*
 * What the kernel says about processes, on systems that have /proc as Linux does. Where it says nothing (another
 * system, a process that has just ended, a /proc that hides other users' processes), nothing is answered.
 */
import { readFileSync } from 'node:fs'

/** CPU time in seconds; that of children that have ended and were waited for is apart. */
export interface CpuTimes {
  readonly user: number
  readonly system: number
  readonly childrenUser: number
  readonly childrenSystem: number
}

/** Bytes. A share of memory that n processes have in common counts as one nth of it in `proportional`. */
export interface MemoryUse {
  readonly resident: number
  /** Only the user that a process runs as, and root, may know it. */
  readonly proportional: number | undefined
}

export interface ProcessFacts {
  cpu(pid: number): CpuTimes | undefined
  /** User and system time of a thread together, in seconds. @param tid the kernel's number of it */
  threadCpu(pid: number, tid: number): number | undefined
  memory(pid: number): MemoryUse | undefined
}

/** USER_HZ: the unit of times in /proc/PID/stat. It is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100
/** Fields of /proc/PID/stat, counted from the one behind the name: utime, stime, cutime, cstime (proc(5): 14 to 17). */
const UTIME = 11

/** @param stat text of /proc/PID/stat or of a thread's */
export function parseCpu(stat: string): CpuTimes | undefined {
  // The name in parentheses may hold anything, more parentheses and blanks included.
  const end = stat.lastIndexOf(') ')
  if (end < 0) return undefined
  const [user, system, childrenUser, childrenSystem] =
    stat.slice(end + 2).split(' ').slice(UTIME, UTIME + 4).map((ticks) => Number(ticks) / TICKS_PER_SECOND)
  if (user === undefined || system === undefined || childrenUser === undefined || childrenSystem === undefined) return undefined
  return { user, system, childrenUser, childrenSystem }
}

/** A line such as `VmRSS:	   41234 kB`. @returns bytes */
export function parseKilobytes(text: string, name: string): number | undefined {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

const parsed = <T>(text: string | undefined, parse: (text: string) => T | undefined): T | undefined =>
  text === undefined ? undefined : parse(text)

function memory(pid: number): MemoryUse | undefined {
  const resident = parsed(read(`/proc/${pid}/status`), (text) => parseKilobytes(text, 'VmRSS'))
  if (resident === undefined) return undefined
  return { resident, proportional: parsed(read(`/proc/${pid}/smaps_rollup`), (text) => parseKilobytes(text, 'Pss')) }
}

export const procfs: ProcessFacts = {
  cpu: (pid) => parsed(read(`/proc/${pid}/stat`), parseCpu),
  threadCpu(pid, tid) {
    const times = parsed(read(`/proc/${pid}/task/${tid}/stat`), parseCpu)
    return times && times.user + times.system
  },
  memory,
}
