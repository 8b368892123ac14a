/*
 * What configure asks the platform: one row per question. A row's `run` may call, spawn and start threads;
 * it answers why it is so, or throws why not, and prints nothing. plan.ts prints the lines.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import * as zlib from 'node:zlib'
import type { Feature } from '../core/port/features.ts'
import {
  accept4, ioUring, libkqueue, pcre2, type Native, opensDescriptor, reuseport, sendfile, sharedMemory,
} from './native.ts'

export interface Probe {
  readonly feature: Feature | 'cores'
  /** The line without `checking ` and without its answer; absent: plan.ts prints it within another. */
  readonly label?: string
  /** The variable with which an answer is forced: NAME=yes or NAME=no on the command line. */
  readonly cacheVar: string
  /** `koffi` is a function so that a failure to load it is the answer of those who need it. */
  run(koffi: () => Native): Found | Promise<Found>
}

/** The answer is yes unless `value` says something else. */
export type Found = string | { readonly value: string; readonly reason: string }

export const probes: readonly Probe[] = [
  {
    feature: 'native_calls', label: 'whether native calls work', cacheVar: 'ap_cv_native_calls',
    run: (koffi) => (koffi(), 'koffi loads, and getpid() answers the process id'),
  },
  {
    feature: 'threads', label: 'whether threads share memory', cacheVar: 'ap_cv_threads',
    run: threads,
  },
  {
    feature: 'kqueue', cacheVar: 'ac_cv_func_kqueue',
    run: (koffi) => opensDescriptor(koffi(), 'int kqueue()'),
  },
  {
    feature: 'port_create', cacheVar: 'ac_cv_func_port_create',
    run: (koffi) => opensDescriptor(koffi(), 'int port_create()'),
  },
  {
    feature: 'epoll', cacheVar: 'ac_cv_func_epoll_create',
    run: (koffi) => opensDescriptor(koffi(), 'int epoll_create1(int flags)', 0o2000000),
  },
  {
    feature: 'libkqueue', label: 'for kqueue in libkqueue', cacheVar: 'ac_cv_lib_kqueue_kqueue',
    run: (koffi) => libkqueue(koffi()),
  },
  {
    feature: 'eventfd', label: 'for eventfd', cacheVar: 'ac_cv_func_eventfd',
    run: (koffi) => opensDescriptor(koffi(), 'int eventfd(unsigned int start, int flags)', 0, 0o2000000),
  },
  {
    feature: 'sendfile', label: 'for sendfile', cacheVar: 'ac_cv_func_sendfile',
    run: (koffi) => sendfile(koffi()),
  },
  {
    feature: 'accept4', label: 'for accept4', cacheVar: 'ac_cv_func_accept4',
    run: (koffi) => accept4(koffi()),
  },
  {
    feature: 'reuseport', label: 'for SO_REUSEPORT', cacheVar: 'ap_cv_so_reuseport',
    run: (koffi) => reuseport(koffi()),
  },
  {
    feature: 'shared_memory', label: 'whether processes share memory', cacheVar: 'ap_cv_shared_memory',
    run: (koffi) => sharedMemory(koffi()),
  },
  {
    feature: 'io_uring', label: 'for io_uring', cacheVar: 'ap_cv_io_uring',
    run: (koffi) => ioUring(koffi()),
  },
  {
    feature: 'pcre2', label: 'for libpcre2-8', cacheVar: 'ap_cv_lib_pcre2',
    run: (koffi) => pcre2(koffi()),
  },
  {
    feature: 'zstd', label: 'for zstd in node:zlib', cacheVar: 'ap_cv_zlib_zstd',
    run: () => zstd(zlib),
  },
  {
    feature: 'cores', label: 'number of processor cores', cacheVar: 'ap_cv_cores',
    run: () => ({ value: String(availableParallelism()), reason: 'what this process may use' }),
  },
]

/** @param library node:zlib of the Node.js that runs configure: the server runs on the same */
export function zstd(library: object): string {
  if (!('createZstdCompress' in library)) throw new Error(`node:zlib of Node.js ${process.versions.node} has no zstd; 22.15 and 23.8 are the first that have`)
  return 'node:zlib has createZstdCompress'
}

/** A worker thread starts, sees our memory, and wakes us by it. */
async function threads(): Promise<string> {
  const shared = new Int32Array(new SharedArrayBuffer(4))
  const body = `const { workerData } = require('node:worker_threads')
    Atomics.add(workerData, 0, 1); Atomics.notify(workerData, 0)`
  const worker = new Worker(body, { eval: true, workerData: shared })
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
  if (Atomics.load(shared, 0) !== 1) throw new Error('what a worker thread writes is not seen')
  return 'a worker thread starts and writes into shared memory'
}

/** The answer to one question, where it came from, and why. */
export interface Answer {
  readonly value: string
  readonly from: 'probe' | 'cache' | 'option' | 'host'
  readonly reason: string
}
export type Answers = Readonly<Record<Probe['feature'], Answer>>

/** Asks what is not answered in `known`. All questions are open at once: some wait for a thread or a process. */
export async function ask(known: Partial<Answers>, koffi: () => Native): Promise<Answers> {
  const entries = probes.map(async (probe): Promise<[string, Answer]> => {
    const told = known[probe.feature]
    return [probe.feature, told ?? (await answer(probe, koffi))]
  })
  return Object.fromEntries(await Promise.all(entries)) as Answers
}

async function answer(probe: Probe, koffi: () => Native): Promise<Answer> {
  try {
    const found = await probe.run(koffi)
    return typeof found === 'string'
      ? { value: 'yes', from: 'probe', reason: found }
      : { ...found, from: 'probe' }
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]!
    return { value: 'no', from: 'probe', reason }
  }
}
