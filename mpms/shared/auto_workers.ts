/**
 * `MaxRequestWorkers auto`: a pure function of what the machine has.
 *
 *   by processors   workers that one processor can do with, times the processors
 *   by memory       half of the memory, less what the server takes anyway, over the cost of a busy worker
 *
 * The smaller counts, in whole processes, and at least one process. Half of the memory stays for documents that the
 * system keeps, for what handlers allocate, and for everything else on the machine.
 */
import { COSTS, sizeText, type Machine } from 'httpd'

/** In event a worker is needed only while a request may block; elsewhere each connection holds one. */
export const WORKERS_PER_PROCESSOR = { async: 16, sync: 32 } as const

export interface AutoWorkers {
  readonly machine: Machine
  readonly async: boolean
  /** Threads of a child; 0: children without threads. */
  readonly threadsPerChild: number
}

/** @returns a multiple of ThreadsPerChild */
export function autoWorkers({ machine, async, threadsPerChild }: AutoWorkers): number {
  const group = Math.max(1, threadsPerChild)
  const perProcessor = async ? WORKERS_PER_PROCESSOR.async : WORKERS_PER_PROCESSOR.sync
  const byProcessors = Math.floor(machine.processors * perProcessor / group)
  const serving = group + (async ? 1 : 0)
  const process = COSTS.process + threadsPerChild * COSTS.thread + serving * COSTS.busy
  const byMemory = Math.floor((machine.memory / 2 - COSTS.shared - COSTS.process) / process)
  return group * Math.max(1, Math.min(byProcessors, byMemory))
}

/** @param workers what came out @param possible what the other limits leave of it */
export function autoText(workers: number, possible: number, { processors, memory }: Machine): string {
  const count = `${Number(processors.toFixed(2))} processor${processors === 1 ? '' : 's'}`
  const left = possible === workers ? '' : `, ${possible} within the other limits`
  return `SY00080: MaxRequestWorkers auto: ${workers} for ${count} and ${sizeText(memory)} of memory${left}`
}
