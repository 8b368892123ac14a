/*
 * mod_mime: what the extensions of a file name say of it: type, encoding, languages, character set, handler.
 * Every extension counts, in any order; what stands before the first dot does not. What a list of extensions
 * says is worked out once per configuration and then looked up.
 */
import { readFileSync } from 'node:fs'
import {
  ConfigError, DECLINED, OK, RSRC_CONF, ACCESS_CONF, Settings, allowedBy, each, errnoPrefix, flag, fsPath, parsed,
  word,
  type Directive, type Module, type Request, type Startup, type Status,
} from 'httpd'

type Kind = 'type' | 'encoding' | 'charset' | 'language' | 'handler' | 'inputFilter' | 'outputFilter'

/** What one extension says. An empty text is what Remove... leaves: it hides what lies outside. */
type Says = { readonly [K in Kind]?: string }

type Extensions = Readonly<Record<string, Says>>

const perDirectory = new Settings('directory', {
  /** By extension, without the dot, lower case. */
  extensions: {} as Extensions,
  defaultLanguage: undefined as string | undefined,
  usePathInfo: false,
  /** MultiviewsMatch, for content negotiation. */
  multiviewsMatch: 'negotiated' as 'negotiated' | 'any' | 'filters' | 'handlers',
}, {
  extensions: (outer, inner) => {
    const merged = { ...outer }
    for (const [extension, says] of Object.entries(inner)) merged[extension] = { ...outer[extension], ...says }
    return merged
  },
})

const perServer = new Settings('server', {
  /** Absolute path; undefined: conf/mime.types. */
  typesConfig: undefined as string | undefined,
})

const DEFAULT_TYPES = 'conf/mime.types'
const DIRECTORY_TYPE = 'httpd/unix-directory'
/** Different lists of extensions kept per configuration; file names such as log.2026.11.20 could make any number. */
const MAX_KEPT = 1000

/** Types by extension out of the text of a mime.types file. Of several lines that name an extension the last counts. */
export function parseTypes(text: string): Map<string, string> {
  const types = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line.charCodeAt(0) === 0x23) continue
    const words = line.trim().split(/\s+/)
    for (let i = 1; i < words.length; i++) types.set(words[i]!.toLowerCase(), words[0]!)
  }
  return types
}

let types = new Map<string, string>()

/**
 * Reads the types once per thread, when the server is made ready: the control process says whether the file
 * can be read, its children trust that.
 */
function readTypes(startup: Startup): Status {
  if (startup.checking) return OK
  const path = startup.server.get(perServer).typesConfig ?? startup.serverRootRelative(DEFAULT_TYPES)
  try {
    types = parseTypes(readFileSync(fsPath(path), 'latin1'))
    return OK
  } catch (error) {
    startup.note('error', 'mime', `${errnoPrefix(error)}AH01597: could not open mime types config file ${path}.`)
    return 500
  }
}

/** What a list of extensions says, all of them together. */
interface Verdict {
  readonly type: string | undefined
  readonly encoding: string | undefined
  readonly languages: readonly string[]
  readonly handler: string | undefined
  /** Undefined for none. */
  readonly outputFilters: readonly string[] | undefined
  readonly inputFilters: readonly string[] | undefined
  readonly unknownParts: readonly string[] | undefined
}

type Holds = Readonly<typeof perDirectory.defaults>

const verdicts = new WeakMap<Holds, Map<string, Verdict>>()
let recentHolds: Holds | undefined
let recent: Map<string, Verdict>

/** Kept verdicts of one configuration. Requests in a row usually share it. */
function keptFor(holds: Holds): Map<string, Verdict> {
  if (holds === recentHolds) return recent
  let kept = verdicts.get(holds)
  if (kept === undefined) verdicts.set(holds, kept = new Map<string, Verdict>())
  recentHolds = holds
  return (recent = kept)
}

/** The extensions of a path: what follows the first dot of its last part that is not leading. */
export function extensionsOf(path: string): string {
  let at = path.lastIndexOf('/') + 1
  while (path.charCodeAt(at) === 0x2e) at++
  const dot = path.indexOf('.', at)
  return dot < 0 ? '' : path.slice(dot + 1)
}

function judge(extensions: string, holds: Holds): Verdict {
  let type: string | undefined
  let charset: string | undefined
  let handler: string | undefined
  const encodings: string[] = []
  const languages: string[] = []
  const outputFilters: string[] = []
  const inputFilters: string[] = []
  const unknown: string[] = []
  let known = false
  for (const part of extensions.split('.')) {
    const extension = part.toLowerCase()
    if (extension === '') continue
    const says = holds.extensions[extension] ?? NOTHING
    // A type that was removed is not looked for in the types file either.
    type = (says.type ?? types.get(extension)) || type
    charset = says.charset || charset
    handler = says.handler || handler
    if (says.language) languages.push(says.language)
    if (says.encoding) encodings.push(says.encoding)
    outputFilters.push(...namesIn(says.outputFilter))
    inputFilters.push(...namesIn(says.inputFilter))
    if (counts(extension, says, holds.multiviewsMatch)) known = true
    else unknown.push(part)
  }
  if (languages.length === 0 && holds.defaultLanguage !== undefined) languages.push(holds.defaultLanguage)
  return {
    type: type === undefined ? undefined : assembled(type, charset),
    encoding: encodings.length > 0 ? encodings.join(', ') : undefined,
    languages,
    handler,
    outputFilters: outputFilters.length > 0 ? outputFilters : undefined,
    inputFilters: inputFilters.length > 0 ? inputFilters : undefined,
    unknownParts: known ? unknown : undefined,
  }
}

/** Whether content negotiation knows a file by that extension (MultiviewsMatch). */
function counts(extension: string, says: Says, match: Holds['multiviewsMatch']): boolean {
  if (match === 'any' || (says.type ?? types.get(extension)) || says.charset || says.language || says.encoding) return true
  return Boolean(match === 'handlers' ? says.handler : match === 'filters' && (says.inputFilter || says.outputFilter))
}

const namesIn = (filters: string | undefined): string[] =>
  (filters ?? '').split(';').map((name) => name.trim()).filter(Boolean)

const NOTHING: Says = {}

const PARAMETER = /;\s*((?:[^;"]|"(?:[^"\\]|\\.)*")*)/g

/** A type and its parameters, the character set last: one that an extension names goes before the type's own. */
function assembled(type: string, charset: string | undefined): string {
  if (!type.includes(';')) return charset === undefined ? type : `${type}; charset=${charset}`
  const parameters = [...type.matchAll(PARAMETER)].map(([, text]) => text!.trim())
  const isCharset = (text: string): boolean => /^charset\s*=/i.test(text)
  const last = charset === undefined ? parameters.filter(isCharset) : [`charset=${charset}`]
  return [type.slice(0, type.indexOf(';')).trim(), ...parameters.filter((text) => !isCharset(text)), ...last].join('; ')
}

/** type_checker: directories have a type of their own, files that of their extensions. */
export function findType(r: Request): Status {
  if (r.finfo.type === 'directory') {
    r.contentType = DIRECTORY_TYPE
    return OK
  }
  if (r.filename === undefined) return DECLINED
  const holds = r.dir(perDirectory)
  const extensions = extensionsOf(holds.usePathInfo ? r.filename + r.pathInfo : r.filename)
  const kept = keptFor(holds)
  let verdict = kept.get(extensions)
  if (verdict === undefined) {
    if (kept.size >= MAX_KEPT) kept.clear()
    kept.set(extensions, verdict = judge(extensions, holds))
  }
  r.unknownParts = verdict.unknownParts
  if (verdict.handler !== undefined) r.handler = verdict.handler
  if (verdict.encoding !== undefined) r.contentEncoding = verdict.encoding
  if (verdict.languages.length > 0) r.contentLanguages = verdict.languages
  if (verdict.outputFilters !== undefined) for (const name of verdict.outputFilters) r.addOutputFilter(name)
  if (verdict.inputFilters !== undefined) for (const name of verdict.inputFilters) r.addInputFilter(name)
  if (verdict.type === undefined) return DECLINED
  r.contentType = verdict.type
  return OK
}

const FILEINFO = allowedBy('FileInfo')
const withoutDot = (extension: string): string => extension.replace(/^\./, '').toLowerCase()

/** `AddX VALUE extension ...` */
const add = (name: string, kind: Kind, help: string, lower = true): Directive =>
  perDirectory.directive(name, [word, each(word)], (said, _, value, extensions) => {
    const text = lower ? value.toLowerCase() : value
    said.extensions = withSaid(said.extensions, extensions, kind, text)
  }, FILEINFO, help)

/** `RemoveX extension ...` */
const remove = (name: string, kind: Kind, help: string): Directive =>
  perDirectory.directive(name, [each(word)], (said, _, extensions) => {
    said.extensions = withSaid(said.extensions, extensions, kind, '')
  }, FILEINFO, help)

/** @param after what this place has said so far, which is changed: there may be any number of lines */
function withSaid(after: Record<string, Says> = {}, extensions: readonly string[], kind: Kind, text: string): Extensions {
  for (const extension of extensions) {
    const key = withoutDot(extension)
    after[key] = { ...after[key], [kind]: text }
  }
  return after
}

const MATCHES = ['any', 'negotiatedonly', 'filters', 'handlers']

const match = parsed((text) => {
  const lower = text.toLowerCase()
  if (!MATCHES.includes(lower)) throw new ConfigError(`Unrecognized option '${text}'`)
  return (lower === 'negotiatedonly' ? 'negotiated' : lower) as typeof perDirectory.defaults.multiviewsMatch
})

export const module = {
  name: 'mime_module',
  file: 'mod_mime.c',
  settings: [perDirectory, perServer],
  directives: [
    add('AddCharset', 'charset', 'A character set, and the extensions that stand for it'),
    add('AddEncoding', 'encoding', 'A content encoding, and the extensions that stand for it'),
    add('AddHandler', 'handler', 'A handler, and the extensions of files that it serves'),
    add('AddInputFilter', 'inputFilter', 'Input filters, and the extensions of files that they are for', false),
    add('AddLanguage', 'language', 'A language, and the extensions that stand for it'),
    add('AddOutputFilter', 'outputFilter', 'Output filters, and the extensions of files that they are for', false),
    add('AddType', 'type', 'A content type, and the extensions that stand for it'),
    perDirectory.directive('DefaultLanguage', [word], 'defaultLanguage', FILEINFO,
      'Language of files whose extensions name none'),
    perDirectory.directive('MultiviewsMatch', [each(match)], (said, _, matches) => {
      said.multiviewsMatch = matches.at(-1)!
    }, FILEINFO, 'Which files content negotiation considers: NegotiatedOnly, Handlers, Filters or Any'),
    remove('RemoveCharset', 'charset', 'Extensions that stand for no character set'),
    remove('RemoveEncoding', 'encoding', 'Extensions that stand for no encoding'),
    remove('RemoveHandler', 'handler', 'Extensions without a handler'),
    remove('RemoveInputFilter', 'inputFilter', 'Extensions without input filters'),
    remove('RemoveLanguage', 'language', 'Extensions that stand for no language'),
    remove('RemoveOutputFilter', 'outputFilter', 'Extensions without output filters'),
    remove('RemoveType', 'type', 'Extensions that stand for no type'),
    perServer.directive('TypesConfig', [word], (said, command, path) => {
      said.typesConfig = command.serverRootRelative(path)
    }, RSRC_CONF, 'The file of content types'),
    perDirectory.directive('ModMimeUsePathInfo', [flag], 'usePathInfo', ACCESS_CONF,
      'Whether the path after a file name counts as part of it'),
  ],
  register({ postConfig, typeChecker }, on) {
    on(postConfig, readTypes)
    on(typeChecker, findType, { quick: true })
  },
} satisfies Module
