/**
 * What a service manager such as systemd hands to a process in its environment:
 * an address to report to (sd_notify(3)) and sockets that already listen
 * (sd_listen_fds(3)). The variables are taken out: no program that the server
 * starts is to report in its name, or to believe that the sockets are its own.
 */
import { Errno, SystemError, type Fd, type Service } from '../port/port.ts'
import { ServiceNotifier } from './service_notifier.ts'

/** A socket that came with the process. */
export interface PassedSocket {
  readonly fd: Fd
  /** Of LISTEN_FDNAMES; `unknown` where it has none. */
  readonly name: string
}

/** Where a process that its server was started by passes sockets on: `FIRST NAME:NAME:…`. */
export const SOCKETS_VARIABLE = 'HTTPD_SOCKETS'

/** The first descriptor of LISTEN_FDS, by definition. */
const LISTEN_FDS_START = 3
const UNKNOWN = 'unknown'

type Environment = Record<string, string | undefined>

function taken(env: Environment, name: string): string | undefined {
  const value = env[name]
  delete env[name]
  return value
}

/** The sockets that were passed to this very process. Takes the variables out of `env`. */
export function takePassedSockets(env: Environment, pid: number): PassedSocket[] {
  const own = taken(env, SOCKETS_VARIABLE)
  const [forPid, fds, names = ''] = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'].map((name) => taken(env, name))
  taken(env, 'LISTEN_PIDFDID')
  const [, first, list] = /^(\d+) (.*)$/s.exec(own ?? '') ?? []
  if (first !== undefined && list !== undefined) return list.split(':').map((name, i) => ({ fd: Number(first) + i, name }))
  if (Number(forPid) !== pid || !/^\d{1,4}$/.test(fds ?? '')) return []
  const known = names.split(':')
  return Array.from({ length: Number(fds) }, (_, i) => ({ fd: LISTEN_FDS_START + i, name: known[i] || UNKNOWN }))
}

/** The variable that passes sockets on to a process that finds them from `first` on. */
export const passedSocketsVariable = (first: Fd, sockets: readonly PassedSocket[]): Environment =>
  sockets.length === 0 ? {} : { [SOCKETS_VARIABLE]: `${first} ${sockets.map(({ name }) => name).join(':')}` }

/** How a process reports; `watchdog` in microseconds, 0: not expected. */
export interface Reporting {
  readonly address: string | undefined
  readonly watchdog: number
}

/** Takes the variables out of `env`. A watchdog for another process is none of ours. */
export function takeReporting(env: Environment, pid: number): Reporting {
  const [address, usec, forPid] = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'].map((name) => taken(env, name))
  const mine = forPid === undefined || Number(forPid) === pid
  const usable = address !== undefined && /^[/@]./.test(address)
  return {
    address: usable ? address : undefined,
    watchdog: usable && mine && /^[1-9]\d{0,15}$/.test(usec ?? '') ? Number(usec) : 0,
  }
}

/** The variables for a server that this process starts in its place: it becomes the service's main process. */
export function reportingForServer(env: Environment, pid: number): Environment {
  const { WATCHDOG_PID, ...rest } = env
  return WATCHDOG_PID === undefined || Number(WATCHDOG_PID) !== pid ? env : rest
}

/** A notifier for what `takeReporting` answered. An address that cannot be reached is a warning, not a fault. */
export function openNotifier({ address, watchdog }: Reporting, service: () => Service, warn: (text: string) => void): ServiceNotifier {
  return new ServiceNotifier({
    send: address === undefined ? undefined : senderTo(address, service, warn),
    pid: process.pid, watchdog,
    clock: () => Number(process.hrtime.bigint() / 1000n),
  })
}

function senderTo(address: string, service: () => Service, warn: (text: string) => void): ((text: string) => boolean) | undefined {
  try {
    const { send } = service().datagram(address)
    return (text) => send(text) !== -Errno.again
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    warn(`SY00050: Cannot report to the service manager at "${address}": ${error.message}`)
    return undefined
  }
}
