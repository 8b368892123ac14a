/**
 * The capacity plan: what a configuration comes to, in processes, connections and memory, before anybody starts it.
 * Printed by -t, -S and -V. A pure function of what was read and of the machine.
 */
import { logName } from '../hook/module.ts'
import { machine as thisMachine, type Machine } from '../port/machine.ts'
import { globalCore } from './core_settings.ts'
import { memoryFor, sizeText } from './costs.ts'
import type { Population, Traits } from './mpm.ts'
import type { Prepared } from './startup.ts'

export interface Plan {
  readonly traits: Traits
  readonly population: Population
  /** ListenBacklog. */
  readonly backlog: number
  /** Addresses that are listened to. */
  readonly listeners: number
  readonly machine: Machine
  /** Messages of the MPM on its numbers, as they were shown. */
  readonly remarks: readonly string[]
}

/** Remarks that are repeated; with the other lines these are eight. */
const MOST_REMARKS = 3

/** @returns lines, the first a heading */
export function capacityPlan(plan: Plan): readonly string[] {
  const { traits, population: { threadsPerChild, maxServers, startServers } } = plan
  const workers = maxServers * threadsPerChild
  const each = traits.threads === 'none' ? '' : ` of ${count(threadsPerChild, 'thread')}`
  return [
    `Capacity of the ${traits.name} MPM:`,
    `  requests     ${workers} at once: at most ${count(maxServers, 'process')}${each}, ${startServers} at the start`,
    `  connections  ${connectionsText(plan, workers)}`,
    ...memoryLines(plan),
    ...remarkLines(plan.remarks),
  ]
}

const count = (number: number, noun: string): string =>
  `${number} ${noun}${number === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`

/** In event each worker, busy or idle, lets its child keep AsyncRequestWorkerFactor more connections. */
function connectionsText({ population, backlog, listeners, machine }: Plan, workers: number): string {
  const open = workers * (1 + Math.floor(population.asyncFactor ?? 0))
  const waiting = Math.min(backlog, machine.longestBacklog) * listeners * population.buckets
  return `${open} open at once, ${waiting} more may wait to be accepted`
}

function memoryLines({ traits, population, machine }: Plan): string[] {
  const threads = traits.threads === 'none' ? 0 : population.threadsPerChild
  const staff = (processes: number) => memoryFor({ processes, threads, mainServes: traits.async })
  const { idle } = staff(population.startServers)
  const { busy } = staff(population.maxServers)
  const line = `  memory       about ${sizeText(idle)} at the start, ${sizeText(busy)} with all workers busy`
  if (busy <= machine.memory) return [line]
  const whose = machine.memoryLimited ? 'this server may use' : 'this machine has'
  return [line, `  WARNING      that does not fit into the ${sizeText(machine.memory)} that ${whose}: lower MaxRequestWorkers`]
}

function remarkLines(remarks: readonly string[]): string[] {
  const shown = remarks.length > MOST_REMARKS ? MOST_REMARKS - 1 : MOST_REMARKS
  const lines = remarks.slice(0, shown).map((text) => `  corrected    ${shortened(text)}`)
  const rest = remarks.length - lines.length
  return rest > 0 ? [...lines, `  corrected    ${rest} more, see the messages`] : lines
}

/** The first sentence, without number and level. */
const shortened = (text: string): string =>
  text.replace(/^[A-Z]+\d+: (WARNING: )?/, '').replace(/\.( .*)?$/s, '')

/** The plan of a configuration that has been read, as text. */
export function capacityText({ mpm, servers, notes }: Prepared, machine: Machine = thisMachine()): string {
  const server = servers[0]!
  const { listenBacklog, listen } = server.get(globalCore)
  const lines = capacityPlan({
    traits: mpm.traits, population: mpm.population(server), backlog: listenBacklog, listeners: listen.length, machine,
    remarks: notes.filter(({ level, module }) => level === 'warn' && module === logName(mpm)).map(({ text }) => text),
  })
  return lines.join('\n') + '\n'
}
