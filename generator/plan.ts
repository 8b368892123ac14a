/*
 * The plan: from what was asked for and what was found to what is built. A pure function; it holds the order of
 * the checks and, with mpm_plan.ts and module_plan.ts, every refusal. Nothing here prints, reads or writes.
 */
import { LANGUAGE_LEVEL, MODULE_MAGIC_NUMBER, VERSION } from '../core/base/version.ts'
import type { Feature } from '../core/port/features.ts'
import { type MpmRow, mpms } from '../mpms/catalog.ts'
import type { Request } from './command_line.ts'
import type { BuiltModule, Config, LoadableModule } from './config.ts'
import { UserError } from './error.ts'
import { canonicalHost, isForking, platformOf } from './host.ts'
import { directoriesOf } from './layout.ts'
import { type ModuleChoice, planModules } from './module_plan.ts'
import { type MpmChoice, planMpms } from './mpm_plan.ts'
import { type Answers, probes } from './probes.ts'

export interface PlanInput {
  readonly request: Request
  readonly answers: Answers
  /** Presets by name, as ac_cv_have_threadsafe_pollset=no, and the flags of a C compiler. */
  readonly presets: Readonly<Record<string, string>>
  /** The triplet of this machine. */
  readonly machine: string
  readonly srcdir: string
  readonly node: string
  readonly arguments: readonly string[]
}

/** Lines to print, in order; then either what to build or why not. A decision without a port has both. */
export interface Plan {
  readonly lines: readonly string[]
  readonly config?: Config
  readonly refusal?: UserError
}

type Say = (line: string) => void

/** Makes the plan. A user's mistake becomes its refusal, after the lines that were true until then. */
export function plan(input: PlanInput): Plan {
  const lines: string[] = []
  try {
    const config = decide(input, (line) => lines.push(line))
    const refusal = portRefusal(config, input.answers)
    return refusal === undefined ? { lines, config } : { lines, config, refusal }
  } catch (error) {
    if (error instanceof UserError) return { lines, refusal: error }
    throw error
  }
}

function decide(input: PlanInput, say: Say): Config {
  const { values } = input.request
  const layout = values['enable-layout'] ?? 'Apache'
  const directories = directoriesOf(layout, directoryOptions(values))
  say(`checking for chosen layout... ${layout}`)
  const hosts = sayHosts(input, say)
  const have = features(input, hosts.host, say)
  const chosen = planMpms(values['with-mpm'], values['enable-mpms-shared'], hosts.host, have, say)
  const pollers = choosePollers(values['with-poll'], have, platformOf(hosts.host), say)
  refuseUnsupported(values)
  const loadAll = sayLoadAll(values, say)
  const modules = planModules(values, traits(chosen, hosts.host), have, say)
  return {
    version: VERSION, languageLevel: LANGUAGE_LEVEL, magic: MODULE_MAGIC_NUMBER,
    srcdir: input.srcdir, ...hosts, platform: platformOf(hosts.host),
    layout, ...directories,
    progname: given(values['with-program-name']) ?? 'httpd',
    port: values['with-port'] ?? '8080', sslport: values['with-sslport'] ?? '8443',
    ...mpmConfig(chosen),
    staticModules: staticModules(chosen, modules),
    loadableModules: loadableModules(modules, loadAll), loadAll,
    pollers, features: [...have], cores: Number(input.answers.cores.value),
    pcre: input.answers.pcre2.value,
    v4Mapped: (values['enable-v4-mapped'] ?? (/freebsd|netbsd|openbsd/.test(hosts.host) ? 'no' : 'yes')) !== 'no',
    bigSecurityHole: saySecurityHole(input.presets, say),
    debug: on(values['enable-debugger-mode']) || on(values['enable-maintainer-mode']),
    node: input.node, arguments: input.arguments,
  }
}

const on = (value: string | undefined): boolean => value !== undefined && value !== 'no'
/** An option with a value of its own, for which a bare --with-X means nothing. */
const given = (value: string | undefined): string | undefined =>
  value === undefined || value === 'yes' || value === 'no' || value === '' ? undefined : value

/** The directory options under the layout's names. */
function directoryOptions(values: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [option, value] of Object.entries(values)) {
    const name = { 'exec-prefix': 'exec_prefix', runstatedir: 'runtimedir' }[option] ?? option
    if (value !== '' && value !== 'NONE') found[name] = value
  }
  return found
}

function sayHosts(input: PlanInput, say: Say): Pick<Config, 'build' | 'host' | 'target'> {
  const { values } = input.request
  const build = canonicalHost(values['build'] ?? '') ?? input.machine
  const host = canonicalHost(values['host'] ?? '') ?? build
  const target = canonicalHost(values['target'] ?? '') ?? host
  say(`checking build system type... ${build}`)
  say(`checking host system type... ${host}`)
  say(`checking target system type... ${target}`)
  return { build, host, target }
}

/** Prints the answers, and puts together what the platform offers. */
function features(input: PlanInput, host: string, say: Say): ReadonlySet<Feature> {
  const have = new Set<Feature>()
  if (isForking(host)) have.add('forking')
  for (const { feature, label } of probes) {
    const { value, from } = input.answers[feature]
    if (label !== undefined) say(`checking ${label}... ${from === 'cache' ? '(cached) ' : ''}${value}`)
    // For some the answer is a version.
    if (feature !== 'cores' && value !== 'no') have.add(feature)
  }
  if (threadsafePollset(input, host, say)) have.add('threadsafe_pollset')
  return have
}

const pollsetFunctions = [['kqueue', 'kqueue'], ['port_create', 'port_create'], ['epoll', 'epoll_create']] as const

/** Apache's check, with its text: the answers stand in the middle of the question's line. */
function threadsafePollset(input: PlanInput, host: string, say: Say): boolean {
  const question = 'checking whether APR supports thread-safe pollsets...'
  const preset = input.presets['ac_cv_have_threadsafe_pollset']
  if (preset !== undefined) {
    say(`${question} (cached) ${preset}`)
    return preset === 'yes'
  }
  const oldDarwin = /-apple-darwin[1-9]\./.test(host)
  if (oldDarwin) say('  setting ac_cv_func_kqueue to "no"')
  const checks = pollsetFunctions.map(([feature, name]) => {
    const distrusted = oldDarwin && feature === 'kqueue'
    const { value, from } = distrusted ? { value: 'no', from: 'cache' } : input.answers[feature]
    return { value, text: `checking for ${name}... ${from === 'cache' ? '(cached) ' : ''}${value}` }
  })
  const asked = input.request.values['with-poll'] === 'kqueue' && input.answers.libkqueue.value === 'yes'
  const found = asked || checks.some((check) => check.value === 'yes')
  for (const [i, check] of checks.entries()) say(i === 0 ? `${question} ${check.text}` : check.text)
  say(found ? 'yes' : 'no')
  return found
}

/** The ways to wait for connections that are linked in, best first. */
function choosePollers(
  asked: string | undefined, have: ReadonlySet<Feature>, platform: string, say: Say,
): readonly string[] {
  const found = ['io_uring', 'epoll', 'kqueue'].filter((name) => have.has(name as Feature) && (name !== 'io_uring' || have.has('epoll')))
  const wanted = asked === 'yes' ? undefined : asked
  if (wanted !== undefined) {
    const there = found.includes(wanted) || (wanted === 'kqueue' && have.has('libkqueue'))
    if (!there) throw new UserError(`--with-poll: ${wanted} is not available on this platform.`)
    say(`checking which way to wait for connections... ${wanted}`)
    return [wanted]
  }
  if (found.length === 0 && platform === 'linux') {
    // The answer was forced: the MPM may not share a poll set between threads, but each thread must still wait.
    say('checking which way to wait for connections... epoll (one thread per poll set)')
    return ['epoll']
  }
  say(`checking which way to wait for connections... ${found.length === 0 ? 'none' : found.join(' ')}`)
  return found
}

/** Options that are known and cannot be had. */
function refuseUnsupported(values: Readonly<Record<string, string>>): void {
  if (on(values['enable-dtrace'])) {
    throw new UserError("'DTrace Support in the build system is not complete. Patches Welcome!'")
  }
  if (on(values['with-module'])) {
    throw new UserError('--with-module: this version links no modules from elsewhere; build a loadable module instead')
  }
}

/** Whether every loadable module is loaded; says so when an option sets it. */
function sayLoadAll(values: Readonly<Record<string, string>>, say: Say): boolean {
  const asked = values['enable-load-all-modules']
  if (on(asked)) say('configure: Setting "LOAD_ALL_MODULES" to yes')
  if (asked !== undefined || !on(values['enable-maintainer-mode'])) return on(asked)
  say('configure: Maintainer mode setting "LOAD_ALL_MODULES" to yes')
  return true
}

/** Apache's name for a server that may answer requests as root. */
function saySecurityHole({ CFLAGS = '', CPPFLAGS = '' }: PlanInput['presets'], say: Say): boolean {
  const wanted = /(^|\s)-D ?BIG_SECURITY_HOLE(=\S*)?(\s|$)/.test(`${CFLAGS} ${CPPFLAGS}`)
  if (wanted) say('configure: BIG_SECURITY_HOLE: a server that root starts may answer requests as root')
  return wanted
}

function traits(chosen: MpmChoice, host: string): Parameters<typeof planModules>[1] {
  return {
    unix: chosen.enabled.some((row) => ['event', 'worker', 'prefork'].includes(row.name)),
    threaded: chosen.enabled.some((row) => row.threaded),
    windows: host.includes('mingw32'),
    shared: chosen.shared,
  }
}

const builtMpm = (row: MpmRow): BuiltModule =>
  ({ name: `mpm_${row.name}`, symbol: row.symbol, file: row.file, source: row.source ?? '', exported: 'mpm' })

function mpmConfig(chosen: MpmChoice):
  Pick<Config, 'mpms' | 'defaultMpm' | 'mpmsShared' | 'loadableMpms' | 'threaded' | 'async'> {
  // Without an MPM of its own the server takes any that is loaded later: nothing may be folded away.
  const open = chosen.enabled.length === 0
  return {
    mpms: chosen.enabled.map((row) => row.name),
    defaultMpm: chosen.byDefault,
    mpmsShared: chosen.shared,
    loadableMpms: chosen.shared
      ? chosen.enabled.map((row) => ({
          ...builtMpm(row), product: `mod_mpm_${row.name}.so`, active: row.name === chosen.byDefault,
        }))
      : [],
    threaded: open || chosen.enabled.some((row) => row.threaded),
    async: open || chosen.enabled.some((row) => row.async),
  }
}

const builtModule = ({ row }: ModuleChoice): BuiltModule => ({
  name: row.name, symbol: `${row.name}_module`, file: row.file, source: row.source!,
  exported: row.class === 'static' ? row.name : 'module',
})

/** The server's own list: the core, then modules in their order, the MPM just before mod_unixd. */
function staticModules(chosen: MpmChoice, modules: readonly ModuleChoice[]): readonly BuiltModule[] {
  const mpm = chosen.shared ? [] : chosen.enabled.map(builtMpm)
  return modules.flatMap((choice) => {
    const self = choice.form === 'static' ? [builtModule(choice)] : []
    return choice.row.name === 'unixd' ? [...mpm, ...self] : self
  })
}

function loadableModules(modules: readonly ModuleChoice[], loadAll: boolean): readonly LoadableModule[] {
  return modules
    .filter((choice) => choice.form === 'shared')
    .map((choice) => ({
      ...builtModule(choice), product: `mod_${choice.row.name}.so`, active: loadAll || choice.active,
    }))
}

/** Why no server can be built although the decisions stand: last, so that they are seen on any host. */
function portRefusal(config: Config, answers: Answers): UserError | undefined {
  const missing = mpms.find((row) => row.source === undefined && config.mpms.includes(row.name))?.name
  const mpm = missing === undefined ? '' : ` and the MPM ${missing} has no implementation in this version yet`
  if (config.platform !== 'linux') {
    return new UserError(`no port of the server to ${config.platform} exists yet: it runs on linux only${mpm}`)
  }
  if (answers.native_calls.value !== 'yes') {
    return new UserError(`native calls do not work here (${answers.native_calls.reason}), and the server needs them`)
  }
  return undefined
}
