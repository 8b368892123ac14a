/** DUMP_RUN_CFG: the part of `-S` that shows what the server as a whole would run with. Paths are shown absolute. */
import { resolve } from 'node:path'
import type { ModuleList } from '../hook/modules.ts'
import type { Server } from '../hook/types.ts'
import type { BuildInfo } from './build_info.ts'
import { globalCore, serverCore, type MutexChoice } from './core_settings.ts'
import { mutexKinds } from './mutex_directive.ts'
import { unixd } from './unixd_settings.ts'

export interface RunConfigInput {
  readonly main: Server
  readonly modules: ModuleList
  readonly serverRoot: string
  /** Where documents are if no DocumentRoot says so. */
  readonly defaultDocumentRoot: string
  readonly build: Pick<BuildInfo, 'defaultErrorLog' | 'defaultPidLog'>
  readonly defines: ReadonlyMap<string, string | undefined>
  /** Only a server that root starts takes on another user. */
  readonly isRoot: boolean
}

export function runConfigText({ main, modules, serverRoot, build, defines, ...rest }: RunConfigInput): string {
  const core = main.get(serverCore)
  const shared = main.get(globalCore)
  const errorLog = core.errorLog ?? build.defaultErrorLog
  const pidFile = resolve(serverRoot, shared.pidFile ?? build.defaultPidLog)
  const lines = [
    `ServerRoot: "${serverRoot}"`,
    `Main DocumentRoot: "${core.documentRoot ?? rest.defaultDocumentRoot}"`,
    `Main ErrorLog: "${/^(\||syslog(:|$))/.test(errorLog) ? errorLog : resolve(serverRoot, errorLog)}"`,
    ...(shared.scoreBoardFile === undefined ? [] : [`ScoreBoardFile: "${resolve(serverRoot, shared.scoreBoardFile)}"`]),
    ...mutexLines(shared.mutexes, serverRoot, resolve(serverRoot, shared.defaultRuntimeDir ?? 'logs'), mutexKinds((symbol) => modules.has(symbol))),
    `PidFile: "${pidFile}"`,
    ...[...defines].map(([name, value]) => `Define: ${name}${value ? `=${value}` : ''}`),
    ...(modules.has('unixd_module') ? identityLines(main, rest.isRoot) : []),
  ]
  return lines.join('\n') + '\n'
}

/** The default first, then the mutexes that this program has, each with the last line that speaks of it. */
function mutexLines(
  choices: readonly MutexChoice[], serverRoot: string, runtimeDir: string, names: readonly string[],
): string[] {
  const line = (name: string, choice: MutexChoice): string => {
    const [mechanism = '', path] = choice.mechanism.split(':', 2)
    const dir = path === undefined ? `${runtimeDir}/` : resolve(serverRoot, path)
    return `Mutex ${name}: dir="${dir}" mechanism=${mechanism.toLowerCase()} ${choice.omitPid ? '[OmitPid]' : ''}`
  }
  const fallback = choices.findLast(({ types }) => types.length === 0)
  return [
    line('default', fallback ?? { mechanism: 'default', types: [], omitPid: false }),
    ...names.map((name) => {
      const own = choices.findLast(({ types }) => types.includes(name))
      return own === undefined ? `Mutex ${name}: using_defaults` : line(name, own)
    }),
  ]
}

function identityLines(main: Server, isRoot: boolean): string[] {
  const { userName, userId, groupName, groupId } = main.get(unixd)
  const line = (kind: string, name: string, id: number) =>
    `${kind}: name="${name}" id=${id >>> 0}${isRoot ? '' : ' not_used'}`
  return [line('User', userName, userId), line('Group', groupName, groupId)]
}
