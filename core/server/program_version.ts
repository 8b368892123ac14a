/** What `-v`, `-V` and `-l` print: texts made of the build information, without reading a configuration. */
import { LANGUAGE_LEVEL, MODULE_MAGIC_MINOR, MODULE_MAGIC_NUMBER, VERSION } from '../base/version.ts'
import { regexLibrary } from '../config/regex.ts'
import type { BuildInfo, Prelinked } from './build_info.ts'
import type { Traits } from './mpm.ts'

/** `-v`. The last word of the first line is the level of the configuration language. */
export const versionText = (build: BuildInfo): string =>
  `Server version: Switchyard/${VERSION} (Unix) Apache/${LANGUAGE_LEVEL}\nServer built:   ${build.builtOn}\n`

/**
 * `-V`. The lines on threads and processes are left out while no MPM is loaded.
 * @param pcre version of the library PCRE2, if it is there
 */
export function settingsText(
  build: BuildInfo, traits: Traits | undefined, versions: NodeJS.ProcessVersions, pcre = regexLibrary()?.version,
): string {
  const lines = [
    `Server's Module Magic Number: ${MODULE_MAGIC_NUMBER}:${MODULE_MAGIC_MINOR}`,
    `Server loaded:  Node.js ${versions.node}, libuv ${versions.uv}, V8 ${versions.v8}, OpenSSL ${versions.openssl}` +
      (pcre === undefined ? '' : `, PCRE ${pcre}`),
    'Architecture:   64-bit',
    `Server MPM:     ${traits?.name ?? ''}`,
    ...(traits === undefined ? [] : [
      `  threaded:     ${answer(traits.threads, 'thread')}`,
      `    forked:     ${answer(traits.processes, 'process')}`,
    ]),
    'Server compiled with....',
    ...defines(build).map((define) => ` -D ${define}`),
  ]
  return versionText(build) + lines.join('\n') + '\n'
}

function answer(trait: 'none' | 'one' | 'fixed' | 'dynamic', noun: string): string {
  if (trait === 'none' || trait === 'one') return 'no'
  return `yes (${trait === 'fixed' ? 'fixed' : 'variable'} ${noun} count)`
}

const defines = (build: BuildInfo): string[] => [
  ...(build.bigSecurityHole ?? false ? ['BIG_SECURITY_HOLE'] : []),
  ...(build.features?.includes('sendfile') ?? true ? ['APR_HAS_SENDFILE'] : []),
  `APR_HAVE_IPV6 (IPv4-mapped addresses ${build.v4Mapped ?? true ? 'enabled' : 'disabled'})`,
  'APR_HAS_OTHER_CHILD',
  'AP_HAVE_RELIABLE_PIPED_LOGS',
  'DYNAMIC_MODULE_LIMIT=256',
  `HTTPD_ROOT="${build.httpdRoot}"`,
  `DEFAULT_PIDLOG="${build.defaultPidLog}"`,
  `DEFAULT_SCOREBOARD="${build.defaultScoreboard}"`,
  `DEFAULT_ERRORLOG="${build.defaultErrorLog}"`,
  `AP_TYPES_CONFIG_FILE="${build.typesConfigFile}"`,
  `SERVER_CONFIG_FILE="${build.serverConfigFile}"`,
]

/** `-l` */
export const modulesText = (prelinked: readonly Prelinked[]): string =>
  ['Compiled in modules:', ...prelinked.map(({ file }) => `  ${file}`)].join('\n') + '\n'
