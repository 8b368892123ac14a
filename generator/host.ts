/*
 * The platform that the server is for: a triplet (cpu-vendor-system) in, its usual form and a platform name out;
 * and what is known of platforms that this machine cannot be asked about. Pure.
 */
import type { Feature } from '../core/port/features.ts'

const cpus = new RegExp('^(i[3-9]86|x86_64|aarch64(_be)?|arm(v\\w+)?|riscv(32|64)|powerpc(64)?(le)?|s390x?|' +
  'sparc(v9|64)?|mips\\w*|loongarch64|ia64|alpha)$')
const systems = new RegExp('^((freebsd|netbsd|openbsd|dragonfly|darwin|macos|solaris|aix|hpux|netware|haiku|cygwin|' +
  'msys)[\\w.]*|mingw32|mingw64|linux(-\\w+)?|os2(-emx)?)$')

/** Names of cpus and of whole hosts that people write short. */
const cpuAliases: Readonly<Record<string, string>> = {
  amd64: 'x86_64', x64: 'x86_64', arm64: 'aarch64', ia32: 'i686', ppc64: 'powerpc64', ppc64le: 'powerpc64le',
  ppc: 'powerpc', loong64: 'loongarch64',
}
const hostAliases: Readonly<Record<string, string>> = {
  mingw32: 'i686-pc-mingw32', mingw64: 'x86_64-pc-mingw32', cygwin: 'i686-pc-cygwin', linux: 'i686-pc-linux-gnu',
  'os2-emx': 'i386-pc-os2-emx', netware: 'i386-pc-netware',
}

/** A triplet in its usual form, or undefined when it names no known cpu and system. */
export function canonicalHost(text: string): string | undefined {
  const whole = hostAliases[text] ?? text
  const [first = '', ...rest] = whole.split('-')
  const cpu = cpuAliases[first] ?? first
  if (!cpus.test(cpu) || rest.length === 0) return undefined
  const vendor = /^(i[3-9]86|x86_64)$/.test(cpu) ? 'pc' : 'unknown'
  const fill = (system: string): string => (system === 'linux' ? 'linux-gnu' : system)
  if (systems.test(rest.join('-'))) return `${cpu}-${vendor}-${fill(rest.join('-'))}`
  const [own, ...system] = rest
  if (system.length > 0 && systems.test(system.join('-'))) return `${cpu}-${own!}-${fill(system.join('-'))}`
  return undefined
}

/** The platform's name as Node gives it (`linux`, `win32`, `darwin`), or the system's own without its version. */
export function platformOf(host: string): string {
  const system = host.split('-').slice(2).join('-')
  if (system.startsWith('linux')) return 'linux'
  if (system.startsWith('mingw')) return 'win32'
  if (system.startsWith('os2')) return 'os2'
  return system.replace(/[\d.-].*$/, '')
}

/** The triplet of the machine this runs on, from what Node says of it. */
export function hostOf(machine: { arch: string; platform: string; release: string; musl: boolean }): string {
  const cpu = cpuAliases[machine.arch] ?? machine.arch
  const vendor = /^(i[3-9]86|x86_64)$/.test(cpu) ? 'pc' : 'unknown'
  if (machine.platform === 'linux') return `${cpu}-${vendor}-linux-${machine.musl ? 'musl' : 'gnu'}`
  if (machine.platform === 'win32') return `${cpu}-${vendor}-mingw32`
  if (machine.platform === 'darwin') return `${cpu}-apple-darwin${machine.release}`
  return `${cpu}-unknown-${machine.platform}${machine.release.replace(/-.*$/, '')}`
}

type Facts = Readonly<Partial<Record<Feature, boolean>>>
const bsd: Facts = { kqueue: true, libkqueue: false, port_create: false, epoll: false }
const noPollset: Facts = { kqueue: false, libkqueue: false, port_create: false, epoll: false }

/** What another platform than this machine's offers. Features that are not here are answered by this machine. */
export const factsOfPlatform: Readonly<Record<string, Facts>> = {
  darwin: bsd, freebsd: bsd, netbsd: bsd, openbsd: bsd, dragonfly: bsd,
  solaris: { kqueue: false, libkqueue: false, port_create: true, epoll: false },
  win32: noPollset, os2: noPollset, netware: noPollset,
}

/** Apache's rule: a process can be forked everywhere but on Windows and OS/2; NetWare has one process only. */
export const isForking = (host: string): boolean => !/mingw32|os2-emx|netware/.test(host)

/** Whether a triplet fits a pattern in which `*` stands for any run of characters. */
export function hostMatches(host: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(host)
}
