/**
 * The core's directives that speak of a server as a whole: its names, its
 * document root, the protocol, time-outs and limits. Contexts, defaults and
 * refusals are those of Apache httpd 2.4.
 */
import { atoi, each, flag, numberOf, oneOf, optional, parsed, word } from '../config/args.ts'
import type { Command, Directive } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import { REGEX_DEFAULTS, setRegexDefaults } from '../config/regex.ts'
import { GLOBAL_ONLY, RSRC_CONF } from '../config/where.ts'
import { globalCore, serverCore } from './core_settings.ts'
import { coreOptions } from './core_options.ts'
import { isDirectory, notNegative, onOff, within } from './directive_values.ts'
import { inert } from './inert_directives.ts'

/** `[scheme://]host[:port]` of ServerName. */
export function parseServerName(text: string): { scheme: string | undefined; host: string; port: number } {
  if (/[*?[]/.test(text.replace(/\[[0-9a-f:.]+\]/i, '')))
    throw new ConfigError(`Invalid ServerName "${text}" use ServerAlias to set multiple server names.`)
  const match = /^(?:([^:/]*):\/\/)?(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text)
  const port = match?.[3] === undefined ? 0 : Number.parseInt(match[3], 10) || 0
  if (!match || (match[3] !== undefined && (port < 1 || port > 65535)))
    throw new ConfigError(`The port number "${text}" is outside the appropriate range (i.e., 1..65535).`)
  return { scheme: match[1]?.toLowerCase(), host: match[2]!, port }
}

function documentRoot(text: string, command: Command): string {
  const root = withoutSlash(command.serverRootRelative(text))
  if (!coreOptions.checkDirectories || isDirectory(root)) return root
  if (!command.server.virtual) throw new ConfigError(`DocumentRoot '${root}' is not a directory, or is not readable`)
  command.note('warn', `AH00112: Warning: DocumentRoot [${root}] does not exist`)
  return root
}

const withoutSlash = (path: string): string => path.length > 1 ? path.replace(/\/+$/, '') || '/' : path

const names: readonly Directive[] = [
  serverCore.directive('ServerName', [word], (said, _, text) => {
    const { scheme, host, port } = parseServerName(text)
    said.serverName = host
    said.serverScheme = scheme
    said.serverPort = port
  }, RSRC_CONF, 'The name and port by which the server is known'),
  serverCore.directive('ServerAlias', [each(word)], (said, command, aliases) => {
    if (!command.server.virtual) throw new ConfigError('ServerAlias only used in <VirtualHost>')
    said.serverAliases = [...(said.serverAliases ?? []), ...aliases]
  }, RSRC_CONF, 'One or more further names of a virtual host, wildcards allowed'),
  serverCore.directive('ServerPath', [word], 'serverPath', RSRC_CONF,
    'URL prefix that selects the host for old clients'),
  serverCore.directive('ServerAdmin', [word], 'serverAdmin', RSRC_CONF,
    'The e-mail address of the server administrator'),
  serverCore.directive('DocumentRoot', [parsed(documentRoot)], 'documentRoot', RSRC_CONF,
    'Root directory of the documents'),
  serverCore.directive('AccessFileName', [each(word)], 'accessFileNames', RSRC_CONF,
    'Names of per-directory configuration files'),
  globalCore.directive('ServerTokens', [parsed(serverTokens)], 'serverTokens', GLOBAL_ONLY,
    'How much the Server header tells'),
  serverCore.directive('NameVirtualHost', [word], (_, command) => {
    command.note('warn', 'AH00548: NameVirtualHost has no effect and will be removed in the next release ' +
      `${command.file}:${command.line}`)
  }, RSRC_CONF, 'Has no effect any more'),
]

function serverTokens(text: string): typeof globalCore.defaults.serverTokens {
  const found = TOKENS[text.toLowerCase()]
  if (found !== undefined) return found
  throw new ConfigError(
    "ServerTokens takes 1 argument: 'Prod(uctOnly)', 'Major', 'Minor', 'Min(imal)', 'OS', or 'Full'")
}

const TOKENS: Readonly<Record<string, typeof globalCore.defaults.serverTokens>> = {
  prod: 'Prod', productonly: 'Prod', major: 'Major', minor: 'Minor', min: 'Min', minimal: 'Min', os: 'OS', full: 'Full',
}

const limits: readonly Directive[] = [
  serverCore.directive('Timeout', [atoi], (said, _, seconds) => {
    said.timeout = seconds * 1000
  }, RSRC_CONF, 'Timeout duration (sec)'),
  serverCore.directive('LimitRequestLine', [notNegative('LimitRequestLine')], 'limitRequestLine', RSRC_CONF,
    'Longest request line in bytes'),
  serverCore.directive('LimitRequestFieldSize', [notNegative('LimitRequestFieldsize')], 'limitRequestFieldSize',
    RSRC_CONF, 'Longest request header field in bytes'),
  serverCore.directive('LimitRequestFields', [notNegative('LimitRequestFields', ' (0 = no limit)')],
    'limitRequestFields', RSRC_CONF, 'Most request header fields (0 = no limit)'),
  serverCore.directive('LimitInternalRecursion', [recursion(), optional(recursion())],
    (said, _, redirects, subrequests) => {
      said.limitRedirects = redirects
      said.limitSubrequests = subrequests ?? redirects
    }, RSRC_CONF, 'Most internal redirects in a row, and subrequests inside of each other'),
  serverCore.directive('FlushMaxThreshold', [within('a number between 0 and (4294967295U))', 0, 4294967295)], 'flushMaxThreshold', RSRC_CONF,
    'Bytes that may wait before the output is flushed'),
  serverCore.directive('FlushMaxPipelined',
    [within('a number between -1 and (2147483647)', -1, 2147483647)], 'flushMaxPipelined', RSRC_CONF,
    'Pipelined answers that may wait before the output is flushed'),
  globalCore.directive('SeeRequestTail', [flag], 'seeRequestTail', GLOBAL_ONLY,
    'Whether the server status shows the end of a long request line'),
]

function recursion() {
  return parsed((text) => {
    const value = numberOf(text)
    if (value < 1) throw new ConfigError('The recursion limit must be greater than zero.')
    return value
  })
}

const protocol: readonly Directive[] = [
  serverCore.directive('TraceEnable', [oneOf(['on', 'off', 'extended'],
    "TraceEnable must be one of 'on', 'off', or 'extended'")], 'traceEnable', RSRC_CONF, 'Whether TRACE is answered'),
  serverCore.directive('HttpProtocolOptions', [each(word)], (said, _, options) => httpProtocolOptions(said, options),
    RSRC_CONF, "What HTTP leaves open: 'Strict' or 'Unsafe', 'RegisteredMethods' or 'LenientMethods', " +
    "'Allow0.9' or 'Require1.0'"),
  globalCore.directive('RegisterHttpMethod', [each(word)], (said, _, methods) => {
    said.registeredMethods = [...(said.registeredMethods ?? []), ...methods]
  }, GLOBAL_ONLY, 'Further request methods that the server knows'),
  serverCore.directive('StrictHostCheck', [flag], 'strictHostCheck', RSRC_CONF,
    'Whether a request must name a host that is configured here'),
  serverCore.directive('MergeSlashes', [flag], 'mergeSlashes', RSRC_CONF,
    'Whether several slashes in a row count as one'),
  serverCore.directive('MergeTrailers', [flag], 'mergeTrailers', RSRC_CONF,
    'Whether trailers are added to the request headers'),
  serverCore.directive('Protocol', [word], 'protocol', RSRC_CONF, 'Set the Protocol for httpd to use.'),
  serverCore.directive('Protocols', [each(word)], protocols, RSRC_CONF, 'Protocols spoken here, best first'),
  serverCore.directive('ProtocolsHonorOrder', [onOff("ProtocolsHonorOrder must be 'on' or 'off'")],
    'protocolsHonorOrder', RSRC_CONF, "Whether the server's order of protocols counts, or the client's"),
  globalCore.directive('RegexDefaultOptions', [each(word)], (said, _, options) => {
    const before = said.regexDefaultOptions ?? globalCore.defaults.regexDefaultOptions
    said.regexDefaultOptions = regexOptions(before, options)
    takeRegexOptions(said.regexDefaultOptions)
  }, GLOBAL_ONLY, 'Options that hold for each regular expression: DOTALL, DOLLAR_ENDONLY, ICASE, EXTENDED, or none'),
  serverCore.directive('AcceptFilter', [word, word], (said, command, name, filter) => {
    said.acceptFilters = { ...said.acceptFilters, [name.toLowerCase()]: filter }
    if (filter.toLowerCase() !== 'none') inert(command, 'connections are accepted as soon as they are there', 'info')
  }, RSRC_CONF, 'Kernel filter for connections of a protocol, or none'),
]

/** Others than HTTP/1.1 come with modules, and there is none yet that speaks one. */
function protocols(said: { protocols?: readonly string[] }, command: Command, names: readonly string[]): void {
  said.protocols = names
  for (const name of names) {
    if (name.toLowerCase() !== 'http/1.1')
      command.note('warn', `SY00077: Protocols: ${name} is not available in this server: it speaks http/1.1`)
  }
}

interface ProtocolChoices { strict?: boolean; registeredMethodsOnly?: boolean; allow09?: boolean }

/** Each word says one of a pair; both of a pair on one line contradict each other. */
function httpProtocolOptions(said: ProtocolChoices, options: readonly string[]): void {
  const chosen: ProtocolChoices = {}
  for (const option of options) {
    const pair = PAIRS.find(({ yes, no }) => [yes, no].some((name) => name.toLowerCase() === option.toLowerCase()))
    if (pair === undefined) {
      throw new ConfigError("HttpProtocolOptions accepts 'Unsafe' or 'Strict' (default), 'RegisteredMethods' or " +
        "'LenientMethods' (default), and 'Require1.0' or 'Allow0.9' (default)")
    }
    const value = pair.yes.toLowerCase() === option.toLowerCase()
    if (chosen[pair.key] === !value)
      throw new ConfigError(`HttpProtocolOptions '${pair.first}' and '${pair.second}' are mutually exclusive`)
    chosen[pair.key] = value
  }
  Object.assign(said, chosen)
}

const PAIRS = [
  { key: 'strict', yes: 'Strict', no: 'Unsafe', first: 'Strict', second: 'Unsafe' },
  { key: 'registeredMethodsOnly', yes: 'RegisteredMethods', no: 'LenientMethods',
    first: 'RegisteredMethods', second: 'LenientMethods' },
  { key: 'allow09', yes: 'Allow0.9', no: 'Require1.0', first: 'Allow0.9', second: 'Require1.0' },
] as const

const REGEX_OPTIONS = ['DOTALL', 'DOLLAR_ENDONLY', 'ICASE', 'EXTENDED']

/** A word without a sign takes the place of all that was said before it, as in Apache. */
function regexOptions(before: readonly string[], words: readonly string[]): readonly string[] {
  const on = new Set(before)
  for (const text of words) {
    const [, sign, word] = /^([+-]?)(.*)$/s.exec(text)!
    const name = word!.toUpperCase()
    if (sign === '') on.clear()
    if (sign === '' && name === 'NONE') continue
    if (!REGEX_OPTIONS.includes(name)) throw new ConfigError(`RegexDefaultOptions: option '${word}' unknown`)
    if (sign === '-') on.delete(name)
    else on.add(name)
  }
  return [...on]
}

/** They hold for the patterns of the lines below, and for those of .htaccess files. */
function takeRegexOptions(on: readonly string[]): void {
  setRegexDefaults({
    ...REGEX_DEFAULTS, icase: on.includes('ICASE'), extended: on.includes('EXTENDED'),
    dotall: on.includes('DOTALL'), dollarEndonly: on.includes('DOLLAR_ENDONLY'),
  })
}

/** All of them, in the order in which they are listed. */
export const coreDirectives: readonly Directive[] = [...names, ...limits, ...protocol]
