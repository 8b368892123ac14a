/*
 * mod_include: documents with elements (server-side includes). The filter INCLUDES takes them out of the body and puts
 * what they stand for in their place. It looks up other files and may run programs, so it is no matter for event's
 * listener. Elements are in include/elements.ts.
 */
import {
  allowedBy, ConfigError, DECLINED, FilterType, flag, httpDate, oneOf, OR_ALL, Order, parsed, RSRC_CONF, word,
  type Module, type OutputFilter, type Request, type Sink, type Status,
} from 'httpd'
import { Document } from './include/document.ts'
import { allowance, include, includeServer, isMarked, keepsDate } from './include/settings.ts'

const NAME = 'INCLUDES'
const HANDLER = 'server-parsed'

/** The file is not what is sent: it neither answers conditions nor names the response. */
function setup(r: Request): void {
  if (!keepsDate(r)) r.noLocalCopy = true
  if (!r.dir(include).etag) r.noETag = true
}

function begin(r: Request, next: Sink): Sink | undefined {
  if (allowance(r) === 'no') {
    r.log('warn', 'include',
      `AH01374: mod_include: Options +Includes (or IncludesNoExec) wasn't set, INCLUDES filter removed: ${r.uri}`)
    return undefined
  }
  const { lastModified } = r.dir(include)
  const file = r.finfo.type === 'none' ? undefined : httpDate(Math.min(r.finfo.mtimeMs, r.requestTime))
  if (lastModified) {
    if (file !== undefined && !r.headersOut.has('Last-Modified')) r.headersOut.set('Last-Modified', file)
  } else if (keepsDate(r) && file !== undefined) r.headersOut.set('Last-Modified', file)
  else r.headersOut.unset('Last-Modified')
  return new Document(r, next)
}

export const filter: OutputFilter = { name: NAME, type: FilterType.resource, setup, begin }

/** Handler `server-parsed`: a file of that name, with its elements carried out. */
export function parseByHandler(r: Request): Status {
  r.contentType ??= 'text/html'
  r.handler = 'default-handler'
  r.addOutputFilter(NAME)
  return DECLINED
}

/** fixups, with XBitHack: a file that may be executed. */
export function parseByMark(r: Request): Status {
  if (r.handler !== HANDLER && isMarked(r)) r.addOutputFilter(NAME)
  return DECLINED
}

const tag = (name: string) => parsed((text) => {
  if (/\s/.test(text)) throw new ConfigError(`${name} may not contain any whitespaces`)
  return text
})

const LIMIT = allowedBy('Limit')

export const module = {
  name: 'include_module',
  file: 'mod_include.c',
  settings: [include, includeServer],
  outputFilters: [filter],
  directives: [
    include.directive('XBitHack', [oneOf(['off', 'on', 'full'], 'XBitHack must be set to Off, On, or Full')], 'xBitHack',
      allowedBy('Options'), 'Off, On, or Full: whether files of HTML that may be executed are documents with elements'),
    include.directive('SSIErrorMsg', [word], 'errorMsg', OR_ALL, 'What stands where an element failed'),
    include.directive('SSITimeFormat', [word], 'timeFormat', OR_ALL, 'How times are written, as strftime(3) has it'),
    includeServer.directive('SSIStartTag', [tag('SSIStartTag')], 'startTag', RSRC_CONF, 'What an element begins with'),
    includeServer.directive('SSIEndTag', [tag('SSIEndTag')], 'endTag', RSRC_CONF, 'What an element ends with'),
    include.directive('SSIUndefinedEcho', [word], 'undefinedEcho', OR_ALL, 'What #echo makes of a variable that is not set'),
    include.directive('SSILegacyExprParser', [flag], 'legacyExpressions', LIMIT,
      'Whether conditions are in the language of Apache 2.2'),
    include.directive('SSILastModified', [flag], 'lastModified', LIMIT,
      'Whether a document has the Last-Modified of its handler, or else that of its file'),
    include.directive('SSIETag', [flag], 'etag', LIMIT, 'Whether a document has the ETag of its file'),
  ],
  register({ fixups, handler }, on) {
    on(handler, parseByHandler, { handler: HANDLER, order: Order.first })
    on(fixups, parseByMark, { order: Order.last, quick: true, when: ({ dir }) => dir(include).xBitHack !== 'off' })
  },
} satisfies Module
