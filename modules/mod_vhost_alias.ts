/* mod_vhost_alias: any number of virtual hosts without a section each: their directories are made of their names. */
import {
  ConfigError, DECLINED, isAbsolutePath, OK, parsed, RSRC_CONF, serverName, serverPort, Settings,
  type Module, type Request, type Status,
} from 'httpd'


/** `%N.M`: which parts of the name, and which characters of these; 0: all. Counted from the end with `-`. */
interface Piece {
  readonly word: Pick
  readonly char: Pick
}

/** `+`: and those behind it; with `-` those before it. */
interface Pick {
  readonly number: number
  readonly fromEnd: boolean
  readonly more: boolean
}

export interface Format {
  readonly parts: readonly ({ readonly text: string } | { readonly port: true } | Piece)[]
  /** By the address of the server, not the name. */
  readonly byAddress: boolean
}

/** Undefined: none. */
const vhostAlias = new Settings('server', {
  documents: undefined as Format | undefined,
  scripts: undefined as Format | undefined,
})

const NUMBER = /%(?:(p)|(%)|(-?)(\d)(\+?)(?:(\.)(-?)(\d)(\+?))?)|([^%]+)/y

/** @throws ConfigError with Apache's texts. Undefined for `none`. */
export function formatOf(text: string, byAddress: boolean): Format | undefined {
  if (text.toLowerCase() === 'none') return undefined
  if (!isAbsolutePath(text)) throw new ConfigError("format string must be an absolute path, or 'none'")
  const parts: Format['parts'][number][] = []
  NUMBER.lastIndex = 0
  while (NUMBER.lastIndex < text.length) {
    const at = NUMBER.lastIndex
    const found = NUMBER.exec(text)
    if (found === null || text[at + found[0].length] === '.' && found[4] !== undefined && found[6] === undefined) {
      throw new ConfigError('syntax error in format string')
    }
    const [, port, percent, dash, digit, plus, , dash2, digit2, plus2, plain] = found
    if (port !== undefined) parts.push({ port: true })
    else if (digit === undefined) parts.push({ text: percent ?? plain! })
    else parts.push({ word: pick(dash, digit, plus), char: pick(dash2, digit2, plus2) })
  }
  return { parts, byAddress }
}

const pick = (dash: string | undefined, digit: string | undefined, plus: string | undefined): Pick =>
  ({ number: Number(digit ?? 0), fromEnd: dash === '-', more: plus === '+' })

/** What stands for something that is not there. */
const NOTHING = '_'
/** A name with more dots has them in its last part. */
const MOST_DOTS = 18

/** The path for a host, without a slash at its end. */
export function interpolate({ parts }: Format, name: string, port: number): string {
  const words = name.toLowerCase().split('.')
  if (words.length > MOST_DOTS + 1) words.push(words.splice(MOST_DOTS).join('.'))
  const path = parts.map((part) => 'text' in part ? part.text : 'port' in part ? String(port) : pieceOf(part, words)).join('')
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function pieceOf({ word, char }: Piece, words: readonly string[]): string {
  const chosen = choose(words, word)?.join('.') ?? NOTHING
  return choose([...chosen], char)?.join('') ?? NOTHING
}

/** Undefined: there are not so many. */
function choose(from: readonly string[], { number, fromEnd, more }: Pick): readonly string[] | undefined {
  if (number === 0) return from
  if (number > from.length) return undefined
  const at = fromEnd ? from.length - number : number - 1
  if (!more) return [from[at]!]
  return fromEnd ? from.slice(0, at + 1) : from.slice(at)
}

const SCRIPTS = '/cgi-bin'

export function translate(r: Request): Status {
  if (!r.uri.startsWith('/')) return DECLINED
  const { documents, scripts } = r.server.get(vhostAlias)
  const isScript = scripts !== undefined && r.uri.startsWith(`${SCRIPTS}/`)
  const format = isScript ? scripts : documents
  if (format === undefined) return DECLINED
  const root = interpolate(format, format.byAddress ? r.connection.localIp : serverName(r), serverPort(r))
  // Whatever a client calls the server, it is one of the directories that were meant.
  if (/\/\.\.?(?:\/|$)/.test(root) || root.includes('\0')) return 400
  r.filename = root + (isScript ? r.uri.slice(SCRIPTS.length) : r.uri)
  r.context = { path: isScript ? SCRIPTS : '', real: root }
  if (isScript) {
    r.handler = 'cgi-script'
    r.notes.set('alias-forced-type', 'cgi-script')
  }
  return OK
}

const format = (byAddress: boolean) => parsed((text) => formatOf(text, byAddress))
const DOCUMENTS_HELP = 'how to create the DocumentRoot based on the host'
const SCRIPTS_HELP = 'how to create a ScriptAlias based on the host'

export const module = {
  name: 'vhost_alias_module',
  file: 'mod_vhost_alias.c',
  settings: [vhostAlias],
  directives: [
    vhostAlias.directive('VirtualScriptAlias', [format(false)], 'scripts', RSRC_CONF, SCRIPTS_HELP),
    vhostAlias.directive('VirtualDocumentRoot', [format(false)], 'documents', RSRC_CONF, DOCUMENTS_HELP),
    vhostAlias.directive('VirtualScriptAliasIP', [format(true)], 'scripts', RSRC_CONF, SCRIPTS_HELP),
    vhostAlias.directive('VirtualDocumentRootIP', [format(true)], 'documents', RSRC_CONF, DOCUMENTS_HELP),
  ],
  register({ translateName }, on) {
    on(translateName, translate, {
      after: ['alias_module', 'userdir_module'], quick: true,
      when: ({ server }) => server(vhostAlias).documents !== undefined || server(vhostAlias).scripts !== undefined,
    })
  },
} satisfies Module
