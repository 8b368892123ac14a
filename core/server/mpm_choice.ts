/**
 * Exactly one MPM must be loaded. Finds it among the modules, or says which
 * there are, where they come from, and what to change.
 */
import type { LoadedModule } from '../hook/modules.ts'
import { isMpm, type Mpm } from './mpm.ts'

/** The MPM of these modules that came first, if any. */
export const firstMpm = (loaded: readonly LoadedModule[]): Mpm | undefined =>
  loaded.map(({ module }) => module).find(isMpm)

export type MpmChoice =
  | { readonly ok: true; readonly mpm: Mpm }
  /** The message, several lines. */
  | { readonly ok: false; readonly text: string }

/** What the messages need to know. */
export interface MpmContext {
  readonly program: string
  /** The main configuration file. */
  readonly configFile: string
  /** MPMs that could be loaded: `modules/mod_mpm_event.so`. */
  readonly available: readonly string[]
}

export function chooseMpm(loaded: readonly LoadedModule[], context: MpmContext): MpmChoice {
  const mpms = loaded.filter(({ module }) => isMpm(module))
  const [first] = mpms
  if (first === undefined) return { ok: false, text: noMpm(context) }
  if (mpms.length > 1) return { ok: false, text: tooMany(mpms, context) }
  return { ok: true, mpm: first.module as Mpm }
}

function noMpm({ program, configFile, available }: MpmContext): string {
  const advice = available.length === 0
    ? ['There is no modules/mod_mpm_*.so under ServerRoot either: configure with --with-mpm=NAME and build again']
    : [`To ${configFile} add one of these lines:`, ...available.map(loadLine)]
  return [`AH00534: ${program}: Configuration error: No MPM loaded.`, ...advice].join('\n')
}

const loadLine = (path: string): string =>
  `  LoadModule ${path.replace(/^.*\bmod_(mpm_\w+)\.so$/, '$1')}_module ${path}`

function tooMany(mpms: readonly LoadedModule[], { program }: MpmContext): string {
  const advice = mpms.some(({ linkage }) => linkage === 'static')
    ? 'Remove these LoadModule lines, or configure with --enable-mpms-shared=all to choose the MPM by LoadModule'
    : 'Remove all of these LoadModule lines but one'
  return [
    `AH00534: ${program}: Configuration error: More than one MPM loaded.`,
    ...mpms.map((loaded) => `  ${loaded.symbol}: ${origin(loaded)}`),
    advice,
  ].join('\n')
}

function origin({ linkage, path, at }: LoadedModule): string {
  if (linkage === 'static') return 'linked into the program'
  return at === undefined ? `loaded from ${path ?? '?'}` : `loaded by line ${at.line} of ${at.file}`
}
