/**
 * What the machine offers to this process: processors and memory, with the limits that control groups (cgroup v2 and
 * v1) set to it. Plain files of /proc and /sys are read; where they are missing, the machine as a whole is the answer.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'

export interface Machine {
  /** Processors that this process may run on. */
  readonly cores: number
  /** How many of them it may use at a time: less than `cores` under a quota, perhaps with a fraction. */
  readonly processors: number
  /** Bytes that it may use. */
  readonly memory: number
  /** Somebody has set it: not all the memory there is. */
  readonly memoryLimited: boolean
  /** Longest queue of a listening socket (net.core.somaxconn); Infinity if unknown. */
  readonly longestBacklog: number
}

export type ReadText = (path: string) => string | undefined

/** Whole, not relative to anything. */
interface Whole {
  readonly cores: number
  readonly memory: number
}

/** This machine as it is now. */
export const machine = (): Machine => machineOf(readText, { cores: availableParallelism(), memory: totalmem() })

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

/** @param read answers a file's text, or undefined if there is none @param whole the machine without any limits */
export function machineOf(read: ReadText, whole: Whole): Machine {
  const groups = groupsOf(read('/proc/self/cgroup') ?? '')
  const memory = Math.min(...groups.flatMap(({ folders, unified }) =>
    folders.map((folder) => bytesOf(read(`${folder}/${unified ? 'memory.max' : 'memory.limit_in_bytes'}`)))))
  const quota = Math.min(...groups.flatMap(({ folders, unified }) =>
    folders.map((folder) => (unified ? unifiedQuota : oldQuota)(read, folder))))
  return {
    cores: whole.cores,
    processors: Math.min(whole.cores, quota),
    memory: Math.min(whole.memory, memory),
    memoryLimited: memory < whole.memory,
    longestBacklog: Number.parseInt(read('/proc/sys/net/core/somaxconn') ?? '', 10) || Infinity,
  }
}

interface Group {
  readonly unified: boolean
  /** Where its files may be, and those of the groups around it, whose limits hold as well. */
  readonly folders: readonly string[]
}

/** `ID:CONTROLLERS:PATH` per line; version 2 has the number 0 and no controllers. */
function groupsOf(text: string): Group[] {
  const lines = text.split('\n').map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line)).filter((match) => match !== null)
  return lines.flatMap(([, controllers = '', path = '']): Group[] => {
    if (controllers === '') return [{ unified: true, folders: upwards('/sys/fs/cgroup', path) }]
    const wanted = controllers.split(',').filter((name) => name === 'memory' || name === 'cpu')
    if (wanted.length === 0) return []
    const mounts = [...new Set([controllers, ...wanted])]
    return [{ unified: false, folders: mounts.flatMap((name) => upwards(`/sys/fs/cgroup/${name}`, path)) }]
  })
}

// In a container the path may be the host's, while the container's own group is mounted at the top.
function upwards(mount: string, path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '..')
  return Array.from({ length: names.length + 1 }, (_, i) => [mount, ...names.slice(0, names.length - i)].join('/'))
}

/** `max` and absence are no limit. */
const bytesOf = (text: string | undefined): number => {
  const bytes = Number.parseInt(text ?? '', 10)
  return bytes > 0 ? bytes : Infinity
}

/** `QUOTA PERIOD` in microseconds. */
function unifiedQuota(read: ReadText, folder: string): number {
  const [quota, period] = (read(`${folder}/cpu.max`) ?? '').split(' ').map(Number)
  return processorsOf(quota, period)
}

function oldQuota(read: ReadText, folder: string): number {
  return processorsOf(Number(read(`${folder}/cpu.cfs_quota_us`)), Number(read(`${folder}/cpu.cfs_period_us`)))
}

const processorsOf = (quota = 0, period = 0): number => (quota > 0 && period > 0 ? quota / period : Infinity)
