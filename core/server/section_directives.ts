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
import { duration, isUrl, onOff, wholeNumber } from './directive_values.ts'
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
  ...['RLimitCPU', 'RLimitMEM', 'RLimitNPROC'].map((name) =>
    dirCore.directive(name, [limit(name), optional(limit(name))], (said, _, soft, hard) => {
      said.resourceLimits = { ...said.resourceLimits, [name]: hard === undefined ? [soft] : [soft, hard] }
    }, OR_ALL, 'Soft and hard limit of a resource for processes started by requests')),
]

function limit(name: string) {
  return parsed((text) => {
    if (text.toLowerCase() !== 'max' && !/^\d+$/.test(text))
      throw new ConfigError(`Invalid parameters for ${name}: a limit is a number or 'max'`)
    return text
  })
}

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
  dirCore.directive('EnableMMAP', [onOff()], 'enableMmap', FILEINFO, 'Whether files may be mapped into memory'),
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
  dirCore.directive('MaxRanges', [ranges('MaxRanges')], 'maxRanges', RSRC_AND_ACCESS,
    "Most ranges in a request before the whole file is sent, or 'none', 'default', 'unlimited'"),
  dirCore.directive('MaxRangeOverlaps', [ranges('MaxRangeOverlaps')], 'maxRangeOverlaps', RSRC_AND_ACCESS,
    "Most overlapping ranges in a request, or 'none', 'default', 'unlimited'"),
  dirCore.directive('MaxRangeReversals', [ranges('MaxRangeReversals')], 'maxRangeReversals', RSRC_AND_ACCESS,
    "Most ranges in falling order in a request, or 'none', 'default', 'unlimited'"),
  dirCore.directive('QualifyRedirectURL', [flag], 'qualifyRedirectUrl', FILEINFO,
    'Whether REDIRECT_URL is a whole URL'),
  dirCore.directive('ReadBufferSize', [positive('ReadBufferSize')], 'readBufferSize', RSRC_AND_ACCESS,
    'Bytes read at once'),
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
  const kind: ErrorDocument['kind'] = value.toLowerCase() === 'default' ? 'default'
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

function fileEtag(words: readonly string[]): readonly string[] {
  const absolute: string[] = []
  const relative: string[] = []
  for (const text of words) {
    const sign = /^[+-]/.exec(text)?.[0]
    const name = sign === undefined ? text : text.slice(1)
    const parts = ETAG_PARTS[name.toLowerCase()]
    if (parts === undefined) throw new ConfigError(`Unknown keyword '${name}' for FileETag directive`)
    if (sign === undefined) absolute.push(...parts)
    else if (/^(all|none)$/i.test(name)) throw new ConfigError(`FileETag ${name} cannot be preceded by '+' or '-'`)
    else relative.push(...parts.map((part) => sign + part))
  }
  if (relative.length > 0 && relative.length === words.length) return relative
  if (relative.length > 0) throw new ConfigError("Either all keywords of FileETag must start with + or -, or none may.")
  return [...new Set(absolute)]
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

function positive(name: string) {
  return parsed((text) => {
    if (!/^\d+$/.test(text) || Number(text) < 1) throw new ConfigError(`${name} requires a positive integer`)
    return Number(text)
  })
}

/** All of them, in the order in which they are listed. */
export const sectionSettings: readonly Directive[] = [...rights, ...answers, ...identity]
