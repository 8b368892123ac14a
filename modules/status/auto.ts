/*
 * `?auto`: one `Key: value` per line, for programs. Keys, order and formats are Apache's: monitoring tools know them.
 */
import { general, timeText, uptimeText } from './format.ts'
import { scoreboardText, type Snapshot } from './snapshot.ts'

const KIB = 1024

export function autoText(snapshot: Snapshot): string {
  return [...server(snapshot), ...(snapshot.extended ? extended(snapshot) : []), ...workers(snapshot), ''].join('\n')
}

/** Seconds since the server was started: that is since when all counters count. */
export const uptimeOf = ({ now, startTime }: Snapshot): number => Math.max(0, Math.floor((now - startTime) / 1000))

function server(snapshot: Snapshot): string[] {
  const { load, now } = snapshot
  const loadText = (index: 0 | 1 | 2): string => (load?.[index] ?? -1).toFixed(2)
  return [
    snapshot.name,
    `ServerVersion: ${snapshot.description}`,
    `ServerMPM: ${snapshot.mpm}`,
    `Server Built: ${snapshot.built}`,
    `CurrentTime: ${timeText(now)}`,
    `RestartTime: ${timeText(snapshot.restartTime)}`,
    `ParentServerConfigGeneration: ${snapshot.configGeneration}`,
    `ParentServerMPMGeneration: ${snapshot.generation}`,
    `ServerUptimeSeconds: ${uptimeOf(snapshot)}`,
    `ServerUptime:${uptimeText(uptimeOf(snapshot))}`,
    `Load1: ${loadText(0)}`,
    `Load5: ${loadText(1)}`,
    `Load15: ${loadText(2)}`,
  ]
}

/** Rates as both pages show them; undefined where there is nothing to divide by. */
export interface Rates {
  /** CPU time in seconds, all together. */
  readonly cpuSeconds: number
  readonly cpuPercent: number | undefined
  readonly perSecond: { readonly requests: number; readonly bytes: number } | undefined
  readonly perRequest: { readonly bytes: number; readonly milliseconds: number } | undefined
  readonly kib: number
}

export function ratesOf(snapshot: Snapshot): Rates {
  const { cpu, totals: { accesses, bytes, duration } } = snapshot
  const uptime = uptimeOf(snapshot)
  const cpuSeconds = cpu.user + cpu.system + cpu.childrenUser + cpu.childrenSystem
  const kib = Math.floor(bytes / KIB)
  return {
    cpuSeconds, kib,
    cpuPercent: cpuSeconds > 0 && uptime > 0 ? (cpuSeconds / uptime) * 100 : undefined,
    perSecond: uptime > 0 ? { requests: accesses / uptime, bytes: (KIB * kib) / uptime } : undefined,
    perRequest: accesses > 0 ? { bytes: (KIB * kib) / accesses, milliseconds: duration / accesses } : undefined,
  }
}

function extended(snapshot: Snapshot): string[] {
  const { cpu, totals } = snapshot
  const { cpuPercent, perSecond, perRequest, kib } = ratesOf(snapshot)
  return [
    `Total Accesses: ${totals.accesses}`,
    `Total kBytes: ${kib}`,
    `Total Duration: ${Math.floor(totals.duration)}`,
    `CPUUser: ${general(cpu.user)}`,
    `CPUSystem: ${general(cpu.system)}`,
    `CPUChildrenUser: ${general(cpu.childrenUser)}`,
    `CPUChildrenSystem: ${general(cpu.childrenSystem)}`,
    ...(cpuPercent === undefined ? [] : [`CPULoad: ${general(cpuPercent)}`]),
    `Uptime: ${uptimeOf(snapshot)}`,
    ...(perSecond === undefined ? [] : [
      `ReqPerSec: ${general(perSecond.requests)}`,
      `BytesPerSec: ${general(perSecond.bytes)}`,
    ]),
    ...(perRequest === undefined ? [] : [
      `BytesPerReq: ${general(perRequest.bytes)}`,
      `DurationPerReq: ${general(perRequest.milliseconds)}`,
    ]),
  ]
}

function workers(snapshot: Snapshot): string[] {
  const { threads, connections, children } = snapshot
  return [
    `BusyWorkers: ${threads.busy}`,
    `GracefulWorkers: ${threads.graceful}`,
    `IdleWorkers: ${threads.idle}`,
    ...(snapshot.async ? [
      `Processes: ${children.length}`,
      `Stopping: ${children.filter(({ stopping }) => stopping).length}`,
      `ConnsTotal: ${connections.total}`,
      `ConnsAsyncWaitIO: ${connections.waitIo}`,
      `ConnsAsyncWriting: ${connections.writing}`,
      `ConnsAsyncKeepAlive: ${connections.keepAlive}`,
      `ConnsAsyncClosing: ${connections.closing}`,
    ] : []),
    `Scoreboard: ${scoreboardText(snapshot)}`,
  ]
}
