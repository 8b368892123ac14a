/**
 * What a server costs in memory: measured once, used by the capacity plan and by `MaxRequestWorkers auto`.
 *
 * Node.js 20.20, Linux 6.18, 64 bit; the private memory of the built servers with all usual modules. Idle: from 1, 4, 8
 * and 16 threads and from 1, 4 and 12 processes. Busy: after six seconds of 32 kept connections (wrk) to a small file.
 */
const MIB = 1024 * 1024

/** Bytes. */
export const COSTS = {
  /** Once: the text of node and of libraries, which all processes share. */
  shared: 38 * MIB,
  /** A process, its main thread included; the control process as well. */
  process: 16 * MIB,
  /** A thread of the crew. */
  thread: 15 * MIB,
  /** More in each thread that serves, once it has been busy. */
  busy: 10 * MIB,
} as const

/** How many processes and threads of which kind. */
export interface Staff {
  /** Child processes. */
  readonly processes: number
  /** Threads of the crew in each; 0: the process serves by itself. */
  readonly threads: number
  /** The main thread of a child answers requests, too. */
  readonly mainServes: boolean
}

/** Bytes of memory for a server as it begins, and for one all of whose workers have been busy. */
export function memoryFor({ processes, threads, mainServes }: Staff): { readonly idle: number; readonly busy: number } {
  const idle = COSTS.shared + COSTS.process + processes * (COSTS.process + threads * COSTS.thread)
  const serving = processes * (threads + (mainServes || threads === 0 ? 1 : 0))
  return { idle, busy: idle + serving * COSTS.busy }
}

/** `141 MiB`, `2.4 GiB`. */
export function sizeText(bytes: number): string {
  const mib = bytes / MIB
  return mib < 10_000 ? `${Math.round(mib)} MiB` : `${(mib / 1024).toFixed(1)} GiB`
}
