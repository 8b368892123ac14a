/**
 * The core's directives that sections and .htaccess may change. They write
 * `dirCore`; contexts and refusals are those of Apache httpd 2.4.
 */
import { each, flag, oneOf, optional, parsed, word } from '../config/args.ts'
import type { Command, Directive } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import { ACCESS_CONF, OR_ALL, RSRC_AND_ACCESS, RSRC_CONF, allowedBy } from '../config/where.ts'
import { dirCore, type DirCore, type ErrorDocument } from './core_settings.ts'
import { parseStringExpression } from '../expr/expression.ts'
import { duration, isUrl, onOff, wholeNumber, within } from './directive_values.ts'
import { inert } from './inert_directives.ts'
import { allowOverride, options } from './option_lists.ts'

const FILEINFO = allowedBy('FileInfo')

const rights: readonly Directive[] = [
  dirCore.directive('AllowOverride', [each(word)], allowOverride, ACCESS_CONF,
    'Which groups of directives .htaccess files may use'),
  dirCore.directive('AllowOverrideList', [each(word)], (said, _, names) => {
    said.allowOverrideList = names.length === 1 && names[0]!.toLowerCase() === 'none' ? [] : names
  }, ACCESS_CONF, 'Single directives that .htaccess files may use, or None'),
  dirCore.directive('Options', [each(word)], options, allowedBy('Options'), 'What may be done in a directory'),
  dirCore.directive('HandlerTimeout', [duration('HandlerTimeout')], 'handlerTimeout', RSRC_AND_ACCESS,
    'Longest time in seconds (or with a unit) that a handler may take to answer (0 = no limit)'),
  dirCore.directive('LimitRequestBody', [wholeNumber('LimitRequestBody requires a non-negative integer.')],
    'limitRequestBody', OR_ALL, 'Largest request body in bytes (0 = no limit)'),
  dirCore.directive('LimitXMLRequestBody', [wholeNumber('LimitXMLRequestBody requires a non-negative integer.')],
    'limitXmlRequestBody', OR_ALL, 'Largest XML request body in bytes (0 = no limit)'),
  dirCore.directive('CGIPassAuth', [flag], 'cgiPassAuth', { ...allowedBy('AuthConfig'), rsrc: false },
    'Controls whether HTTP authorization headers, normally hidden, will be passed to scripts'),
  dirCore.directive('CGIVar', [word, word], cgiVar, FILEINFO, 'Controls how some CGI variables are set'),
  ...['RLimitCPU', 'RLimitMEM', 'RLimitNPROC'].map((name) =>
    dirCore.directive(name, [limit(name), optional(limit(name))], (said, _, soft, hard) => {
      said.resourceLimits = { ...said.resourceLimits, [name]: hard === undefined ? [soft] : [soft, hard] }
    }, OR_ALL, 'Soft and hard limit of a resource for processes started by requests')),
]

function cgiVar(said: Partial<DirCore>, _: Command, name: string, rule: string): void {
  if (name !== 'REQUEST_URI') throw new ConfigError(`Unrecognized CGI variable: "${name}"`)
  if (rule !== 'current-uri' && rule !== 'original-uri')
    throw new ConfigError("Valid rules for REQUEST_URI are 'current-uri' and 'original-uri'")
  said.cgiVars = { ...said.cgiVars, [name]: rule }
}

function limit(name: string) {
  return parsed((text) => {
    if (text.toLowerCase() !== 'max' && !/^\d+$/.test(text))
      throw new ConfigError(`Invalid parameters for ${name}: a limit is a number or 'max'`)
    return text
  })
}

/** `A;B`; `none` takes back what lies outside. */
const filterNames = parsed((text): readonly string[] =>
  text.toLowerCase() === 'none' ? [] : text.split(';').map((name) => name.trim()).filter(Boolean))

const answers: readonly Directive[] = [
  dirCore.directive('AcceptPathInfo', [oneOf(['on', 'off', 'default'],
    'AcceptPathInfo must be set to on, off or default')], 'acceptPathInfo', FILEINFO,
  'Whether a path may go on after the name of a file'),
  dirCore.directive('AddDefaultCharset', [word], (said, _, text) => {
    const lower = text.toLowerCase()
    said.addDefaultCharset = lower === 'off' ? undefined : lower === 'on' ? 'iso-8859-1' : text
  }, FILEINFO, 'Character set named for text without one: a name, On (iso-8859-1) or Off'),
  dirCore.directive('AllowEncodedSlashes', [oneOf(['on', 'off', 'nodecode'],
    'AllowEncodedSlashes must be On, Off, or NoDecode')], 'allowEncodedSlashes', RSRC_CONF,
  "Whether a path may contain an encoded '/'"),
  dirCore.directive('ContentDigest', [flag], 'contentDigest', allowedBy('Options'), 'Whether to send Content-MD5'),
  dirCore.directive('EnableMMAP', [onOff()], (said, command, on) => {
    said.enableMmap = on
    if (on) inert(command, 'files are read or sent by sendfile, never mapped', 'info')
  }, FILEINFO, 'Whether files may be mapped into memory'),
  dirCore.directive('EnableSendfile', [onOff()], 'enableSendfile', FILEINFO, 'Whether files may be sent by sendfile'),
  dirCore.directive('ErrorDocument', [word, word], errorDocument, FILEINFO,
    'Answer for a status: a text, a path or a URL, or default'),
  dirCore.directive('FileETag', [each(word)], (said, _, parts) => {
    said.fileEtag = fileEtag(parts)
  }, FILEINFO, 'What the ETag of a file is made of: INode, MTime, Size, Digest, All, None'),
  dirCore.directive('ForceType', [word], (said, _, type) => {
    said.forceType = type.toLowerCase()
  }, FILEINFO, 'Content type of all files, or none'),
  dirCore.directive('SetHandler', [word], (said, command, handler) => {
    said.setHandler = handler.startsWith('expr=')
      ? parseStringExpression(handler.slice(5), command, "Can't parse expression : ") : handler
  }, FILEINFO, 'Handler of all requests, or none'),
  dirCore.directive('SetOutputFilter', [filterNames], 'outputFilters', FILEINFO,
    'Filters for responses, separated by semicolons, or none'),
  dirCore.directive('SetInputFilter', [filterNames], 'inputFilters', FILEINFO,
    'Filters for request bodies, separated by semicolons, or none'),
  dirCore.directive('MaxRanges', [ranges('MaxRanges')], 'maxRanges', RSRC_AND_ACCESS,
    "Most ranges in a request before the whole file is sent, or 'none', 'default', 'unlimited'"),
  dirCore.directive('MaxRangeOverlaps', [ranges('MaxRangeOverlaps')], 'maxRangeOverlaps', RSRC_AND_ACCESS,
    "Most overlapping ranges in a request, or 'none', 'default', 'unlimited'"),
  dirCore.directive('MaxRangeReversals', [ranges('MaxRangeReversals')], 'maxRangeReversals', RSRC_AND_ACCESS,
    "Most ranges in falling order in a request, or 'none', 'default', 'unlimited'"),
  dirCore.directive('QualifyRedirectURL', [flag], 'qualifyRedirectUrl', FILEINFO,
    'Whether REDIRECT_URL is a whole URL'),
  dirCore.directive('ReadBufferSize', [within('a number between 0 and (4294967295U))', 0, 4294967295)],
    (said, command, bytes) => {
      said.readBufferSize = bytes
      inert(command, 'what is not sent by sendfile is read as far as the buffer of the thread goes', 'info')
    }, RSRC_AND_ACCESS, 'Bytes read at once'),
]

const identity: readonly Directive[] = [
  dirCore.directive('HostnameLookups', [oneOf(['on', 'off', 'double'],
    "parameter must be 'on', 'off', or 'double'")], 'hostnameLookups', RSRC_AND_ACCESS,
  'Whether the names of clients are looked up'),
  dirCore.directive('ServerSignature', [oneOf(['off', 'on', 'email'],
    'ServerSignature: use one of: off | on | email')], 'serverSignature', OR_ALL,
  'Whether pages made by the server end with its name'),
  dirCore.directive('UseCanonicalName', [oneOf(['on', 'off', 'dns'], "parameter must be 'on', 'off', or 'dns'")],
    'useCanonicalName', RSRC_AND_ACCESS, 'Where the host name of self-made URLs comes from'),
  dirCore.directive('UseCanonicalPhysicalPort', [onOff()], 'useCanonicalPhysicalPort', RSRC_AND_ACCESS,
    'Whether self-made URLs use the port the connection came in on'),
]

const ERROR_STATUSES: ReadonlySet<number> = new Set([
  300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414,
  415, 416, 417, 421, 422, 423, 424, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
  100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226,
])

function errorDocument(said: Partial<DirCore>, command: Command, code: string, value: string): void {
  const status = Number.parseInt(code, 10) || 0
  if (!ERROR_STATUSES.has(status)) throw new ConfigError(`Unsupported HTTP response code ${code}`)
  // As Apache: what has a blank in it is a text, whatever it begins with.
  const kind: ErrorDocument['kind'] = value.toLowerCase() === 'default' ? 'default' : value.includes(' ') ? 'text'
    : value.startsWith('/') ? 'path' : isUrl(value) ? 'url' : 'text'
  if (kind === 'url' && status === 401) {
    command.note('notice', `AH00113: ${command.file}:${command.line} cannot use a full URL in a 401 ErrorDocument ` +
      'directive --- ignoring!')
    return
  }
  said.errorDocuments = { ...said.errorDocuments, [status]: { kind, value: documentOf(value, command) } }
}

function documentOf(value: string, command: Command): ErrorDocument['value'] {
  const expression = parseStringExpression(value, command, 'Cannot parse expression in ErrorDocument: ')
  return expression.constant ?? expression
}

const ETAG_PARTS: Readonly<Record<string, readonly string[]>> = {
  inode: ['INode'], mtime: ['MTime'], size: ['Size'], digest: ['Digest'], all: ['INode', 'MTime', 'Size'], none: [],
}

/** Words in a row: those without a sign set what holds, those with one change it. */
function fileEtag(words: readonly string[]): readonly string[] {
  let absolute: Set<string> | undefined
  let relative: string[] = []
  for (const text of words) {
    const sign = /^[+-]/.exec(text)?.[0]
    const name = sign === undefined ? text : text.slice(1)
    const parts = ETAG_PARTS[name.toLowerCase()]
    if (parts === undefined) throw new ConfigError(`Unknown keyword '${name}' for FileETag directive`)
    if (sign !== undefined && /^(all|none)$/i.test(name))
      throw new ConfigError(`FileETag keyword '${name}' cannot be used with '+' or '-'`)
    if (sign !== undefined) relative.push(...parts.map((part) => sign + part))
    else {
      absolute = new Set([...absolute ?? [], ...parts])
      relative = []
    }
  }
  if (absolute === undefined) return relative
  for (const change of relative) {
    if (change.startsWith('+')) absolute.add(change.slice(1))
    else absolute.delete(change.slice(1))
  }
  return [...absolute]
}

function ranges(name: 'MaxRanges' | 'MaxRangeOverlaps' | 'MaxRangeReversals') {
  return parsed((text) => {
    const lower = text.toLowerCase()
    if (lower === 'none') return 0
    if (lower === 'unlimited') return Infinity
    if (lower === 'default') return name === 'MaxRanges' ? 200 : 20
    if (!/^\d+$/.test(text) || Number(text) < 1)
      throw new ConfigError(`${name} requires 'none', 'default', 'unlimited' or a positive integer`)
    return Number(text)
  })
}

/** All of them, in the order in which they are listed. */
export const sectionSettings: readonly Directive[] = [...rights, ...answers, ...identity]
