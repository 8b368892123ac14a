/**
 * What `-S`, `-M`, `-L` and DUMP_INCLUDES print: texts made of a configuration
 * that has been read. Nothing is changed here.
 */
import type { Directive } from '../config/directive.ts'
import type { Where } from '../config/where.ts'
import type { ServerConf } from '../config/server_conf.ts'
import type { ModuleList } from '../hook/modules.ts'
import type { Server } from '../hook/types.ts'
import { serverCore } from './core_settings.ts'
import { showAddress } from './vhost_address.ts'
import { isPattern, type Candidates, type VhostTable } from './vhost_table.ts'

/** `-M`: in load order. */
export const loadedModulesText = (modules: ModuleList): string =>
  ['Loaded Modules:', ...modules.loaded.map(({ symbol, linkage }) => ` ${symbol} (${linkage})`)].join('\n') + '\n'

export const INCLUDES_HEADING = 'Included configuration files:\n'

/** A line of DUMP_INCLUDES. @param depth 1 for the main file @param line of the Include, undefined for the main file */
export const includeText = (depth: number, line: number | undefined, path: string): string =>
  `${'  '.repeat(depth)}(${line ?? '*'}) ${path}\n`

/** `-L`: every directive of every module with its help and the places where it is allowed. */
export function directivesText(modules: ModuleList): string {
  let text = ''
  for (const { module } of modules.loaded) {
    const perDirectory = module.settings?.some(({ scope }) => scope === 'directory') ?? false
    for (const directive of module.directives ?? []) text += directiveText(directive, module.file, perDirectory)
  }
  return text
}

function directiveText(directive: Directive, file: string, perDirectory: boolean): string {
  const help = directive.help === '' ? '' : `\t${directive.help}\n`
  return `${directive.name} (${file})\n${help}\tAllowed in *.conf ${contextText(directive.where, perDirectory)}\n`
}

const OUTSIDE = 'only outside <Directory>, <Files>, <Location>, or <If>'
const INSIDE = 'only inside <Directory>, <Files>, <Location>, or <If>'

/** In the order in which Apache names them. */
const OVERRIDES = ['AuthConfig', 'Limit', 'Options', 'FileInfo', 'Indexes'] as const

/** Apache's words for a directive's context. `perDirectory`: its module keeps settings per directory. */
export function contextText({ rsrc, access, overrides }: Where, perDirectory: boolean): string {
  const everywhere = overrides.some((name) => name !== 'AuthConfig' && name !== 'Limit')
  const inside = access || overrides.length > 0
  const place = everywhere || (rsrc && inside) ? 'anywhere' : rsrc ? OUTSIDE : INSIDE
  const warning = inside && !perDirectory ? ' [no per-dir config]' : ''
  if (overrides.length === 0) return place + warning
  const granted = OVERRIDES.filter((name) => overrides.includes(name))
  const when = granted.length === OVERRIDES.length ? "isn't None" : `includes ${granted.join(' or ')}`
  return `${place}${warning} and in .htaccess\n\twhen AllowOverride ${when}`
}

/** DUMP_VHOSTS. */
export const vhostsText = (table: VhostTable): string =>
  ['VirtualHost configuration:', ...table.chains.flatMap(chainLines)].join('\n') + '\n'

const INDENT = ' '.repeat(8)

function chainLines(chain: Candidates): string[] {
  const address = showAddress(chain).padEnd(22)
  if (chain.servers.length === 1) return [`${address} ${nameAndPlace(chain.first)}`]
  const port = chain.port === 0 ? '*' : chain.port
  return [
    `${address} is a NameVirtualHost`,
    `${INDENT} default server ${nameAndPlace(chain.first)}`,
    ...chain.servers.flatMap((server) => [
      `${INDENT} port ${port} namevhost ${nameAndPlace(server)}`,
      ...aliasLines(server),
    ]),
  ]
}

/** Plain aliases first, then patterns, as Apache keeps them. */
function aliasLines(server: Server): string[] {
  const { serverAliases } = server.get(serverCore)
  const lines = (kind: string, aliases: readonly string[]) =>
    aliases.map((alias) => `${INDENT.repeat(2)} ${kind} ${alias}`)
  return [
    ...lines('alias', serverAliases.filter((alias) => !isPattern(alias))),
    ...lines('wild alias', serverAliases.filter(isPattern)),
  ]
}

function nameAndPlace(server: Server): string {
  const { file, line }: ServerConf['at'] = server.conf.at
  return `${server.get(serverCore).serverName ?? ''} (${file}:${line})`
}
