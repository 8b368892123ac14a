/* What /proc tells of a process's memory and descriptors, and which process has which connection. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Descriptors by kind: `socket`, `memfd`, `eventpoll` …; `file` are regular files, devices and the like. */
export type Descriptors = Readonly<Record<string, number>>

function linksOf(pid: number): string[] {
  const links: string[] = []
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      links.push(readlinkSync(`/proc/${pid}/fd/${fd}`))
    } catch {
      // Closed since the directory was read.
    }
  }
  return links
}

const kindOf = (link: string): string =>
  /^\/memfd:/.test(link) ? 'memfd' : /^anon_inode:\[?(\w+)/.exec(link)?.[1] ?? /^(socket|pipe):/.exec(link)?.[1] ?? 'file'

/** How many descriptors of each kind a process has. @throws Error if it has ended */
export function descriptorsOf(pid: number): Descriptors {
  const counts: Record<string, number> = {}
  for (const kind of linksOf(pid).map(kindOf).sort()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Without what a child may keep between requests: files that it serves. */
export const withoutFiles = ({ file: _, ...others }: Descriptors): Descriptors => others

/** Mappings of shared memory that a process has. */
export const sharedMaps = (pid: number): number =>
  readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n').filter((line) => line.includes('/memfd:')).length

/** Memory (bytes) that a process shares with no other: Private_Clean and Private_Dirty of smaps_rollup. */
export function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  return [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].reduce((sum, [, kB]) => sum + Number(kB), 0) * 1024
}

/** The generation that a child was started for; -1: it has ended. */
export function generationOf(pid: number): number {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
    const start = environment.find((entry) => entry.startsWith('HTTPD_CHILD='))?.slice('HTTPD_CHILD='.length)
    return start === undefined ? -1 : (JSON.parse(start) as { generation: number }).generation
  } catch {
    return -1
  }
}

/** The clients' ports of all established or half-closed connections that a process has. */
export function clientPortsOf(pid: number): number[] {
  const inodes = new Set(linksOf(pid).map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]))
  const ports: number[] = []
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)) {
    const [, , remote, , , , , , , inode] = line.trim().split(/\s+/)
    const port = Number.parseInt(remote?.split(':')[1] ?? '0', 16)
    if (port > 0 && inodes.has(inode)) ports.push(port)
  }
  return ports
}

/** A process has taken the connection between two ports: neither does it wait to be accepted, nor is it closed. */
export function isHeld(serverPort: number, clientPort: number): boolean {
  const ends = `:${hexPort(serverPort)} [0-9A-F]+:${hexPort(clientPort)} `
  const line = new RegExp(`^ *\\d+: [0-9A-F]+${ends}.*$`, 'm').exec(readFileSync('/proc/net/tcp', 'latin1'))?.[0]
  return line !== undefined && line.trim().split(/\s+/)[9] !== '0'
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')

const hasStopped = (pid: number): boolean => readdirSync(`/proc/${pid}/task`).every((task) =>
  /^State:\s+[TtZX]/m.test(readFileSync(`/proc/${pid}/task/${task}/status`, 'latin1')))

/** Stops all threads of a process, so that what it holds does not change any more. @throws Error if it has ended */
export function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP')
  const end = performance.now() + 1000
  while (!hasStopped(pid) && performance.now() < end) { /* soon */ }
}
