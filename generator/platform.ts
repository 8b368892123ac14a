/*
 * Everything a configure run asks of the machine before it can decide: the triplet, and the answers to the probes,
 * of which options, presets and a foreign host may give some.
 */
import { readdirSync } from 'node:fs'
import { release } from 'node:os'
import type { Request } from './command_line.ts'
import { canonicalHost, factsOfPlatform, hostOf, platformOf } from './host.ts'
import { type Native, openNative } from './native.ts'
import { type Answer, type Answers, ask, type Probe, probes } from './probes.ts'

/** The triplet of this machine. */
export function machine(): string {
  return hostOf({ arch: process.arch, platform: process.platform, release: release(), musl: isMusl() })
}

function isMusl(): boolean {
  try {
    return readdirSync('/lib').some((name) => name.startsWith('ld-musl-'))
  } catch {
    return false
  }
}

/** Answers that need no question. A preset goes before what the host's name says, an option before both. Pure. */
export function knownAnswers(
  request: Request, presets: Readonly<Record<string, string>>, here: string,
): Partial<Answers> {
  const known: Partial<Record<Probe['feature'], Answer>> = {}
  const host = canonicalHost(request.values['host'] ?? '')
  const platform = host === undefined ? undefined : platformOf(host)
  if (platform !== undefined && platform !== platformOf(here)) {
    for (const [feature, there] of Object.entries(factsOfPlatform[platform] ?? {})) {
      const reason = `known of ${platform}`
      known[feature as Probe['feature']] = { value: there ? 'yes' : 'no', from: 'host', reason }
    }
  }
  for (const { feature, cacheVar } of probes) {
    const value = presets[cacheVar]
    if (value !== undefined) known[feature] = { value, from: 'cache', reason: `${cacheVar}=${value}` }
  }
  if (request.values['enable-threads'] === 'no') {
    known.threads = { value: 'no', from: 'option', reason: '--disable-threads' }
  }
  return known
}

/** Asks the machine what is not known. */
export function answersOf(
  request: Request, presets: Readonly<Record<string, string>>, srcdir: string,
): Promise<Answers> {
  let opened: Native | undefined
  return ask(knownAnswers(request, presets, machine()), () => (opened ??= openNative(srcdir)))
}
