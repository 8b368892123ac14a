/*
 * mod_charset_lite: bodies of text from one character set to another: what is sent from CharsetSourceEnc to
 * CharsetDefault, what POST and PUT bring the other way.
 */
import {
  allowedBy, BodyError, ConfigError, DECLINED, each, FilterError, FilterType, HANDOVER, Order, parsed, Settings, transform, word,
  type Answer, type InputFilter, type Module, type OutputFilter, type Request, type Source, type Status,
} from 'httpd'
import { isCharset, loadCharsets, Translation, TranslationError } from './charset_lite/translation.ts'
import { isSmallFile } from './shared/small_file.ts'

const FILEINFO = allowedBy('FileInfo')

const charsets = new Settings('directory', {
  source: undefined as string | undefined,
  target: undefined as string | undefined,
  addsItself: true,
  takesAllTypes: false,
})

type Conf = typeof charsets.defaults

/** Source and target, if there is anything to translate. */
function pairOf({ source, target }: Readonly<Conf>): readonly [source: string, target: string] | undefined {
  return source === undefined || target === undefined || source.toLowerCase() === target.toLowerCase() ? undefined : [source, target]
}

const OPTIONS: Readonly<Record<string, Partial<Conf>>> = {
  implicitadd: { addsItself: true }, noimplicitadd: { addsItself: false },
  translateallmimetypes: { takesAllTypes: true }, notranslateallmimetypes: { takesAllTypes: false },
}

const option = parsed((text) => {
  const found = Object.hasOwn(OPTIONS, text.toLowerCase()) ? OPTIONS[text.toLowerCase()] : undefined
  if (found === undefined) throw new ConfigError(`Invalid CharsetOptions option: ${text}`)
  return found
})

const hasBodyToTranslate = ({ method }: Request): boolean => method === 'POST' || method === 'PUT'

/** fixups: what filters need is there when they begin. */
function prepare(r: Request): Answer<Status> {
  if (!r.mayBlock && (!isSmallFile(r) || hasBodyToTranslate(r))) return HANDOVER
  return loadCharsets()?.then(() => checkCharsets(r)) ?? checkCharsets(r)
}

function checkCharsets(r: Request): Status {
  const [source, target] = pairOf(r.dir(charsets))!
  if (!hasBodyToTranslate(r) || (isCharset(source) && isCharset(target))) return DECLINED
  r.log('error', 'charset_lite', `AH01449: can't open translation ${target}->${source}`)
  return 500
}

/** insert_filter */
function addFilters(r: Request): void {
  r.addOutputFilter(outputFilter)
  if (hasBodyToTranslate(r)) r.addInputFilter(inputFilter)
}

/** Bodies that go through a filter already: one that configuration names, and one that came by itself, are one. */
const sent = new WeakSet<Request>()
const received = new WeakSet<Request>()

const isText = ({ contentType = '' }: Request): boolean => /^(text|message)\//i.test(contentType)

/** The translation of this response; undefined: there is none. */
function translationFor(r: Request): Translation | undefined {
  const conf = r.dir(charsets)
  const pair = pairOf(conf)
  if (pair === undefined || sent.has(r)) return undefined
  sent.add(r)
  if (!isText(r) && !(conf.takesAllTypes && r.contentType !== undefined)) return undefined
  const [source, target] = pair
  if (isCharset(source) && isCharset(target)) return new Translation(source, target)
  r.log('error', 'charset_lite', `AH01453: can't open translation ${source}->${target}`)
  return undefined
}

/** What it cannot translate is logged. */
function attempt<T>(r: Request, failure: (message: string) => Error, step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof TranslationError)) throw error
    const message = `AH02997: ${error.message}`
    r.log('error', 'charset_lite', message)
    throw failure(message)
  }
}

export const outputFilter: OutputFilter = {
  name: 'XLATEOUT', type: FilterType.resource, quick: isSmallFile,
  begin(r, next) {
    const translation = translationFor(r)
    if (translation === undefined) return undefined
    const trying = <T>(step: () => T): T => attempt(r, (message) => new FilterError(message), step)
    return transform(next, (bytes) => trying(() => translation.take(bytes)), () => trying(() => translation.end()))
  },
}

class BodyTranslationError extends BodyError {
  readonly status = 400
}

function translated(r: Request, source: Source, translation: Translation): Source {
  let ended = false
  const trying = <T>(step: () => T): T => attempt(r, (message) => new BodyTranslationError(message), step)
  return {
    async read() {
      while (!ended) {
        const piece = await source.read()
        ended = piece === null
        const out = trying(() => (piece === null ? translation.end() : translation.take(piece)))
        if (out.length > 0) return out
      }
      return null
    },
  }
}

export const inputFilter: InputFilter = {
  name: 'XLATEIN', type: FilterType.resource,
  begin(r, source) {
    const pair = pairOf(r.dir(charsets))
    if (pair === undefined || received.has(r) || !hasBodyToTranslate(r)) return undefined
    received.add(r)
    return translated(r, source, new Translation(pair[1], pair[0]))
  },
}

export const module = {
  name: 'charset_lite_module',
  file: 'mod_charset_lite.c',
  settings: [charsets],
  outputFilters: [outputFilter],
  inputFilters: [inputFilter],
  directives: [
    charsets.directive('CharsetSourceEnc', [word], (said, _, name) => void (said.source = name), FILEINFO, 'The character set of the files'),
    charsets.directive('CharsetDefault', [word], (said, _, name) => void (said.target = name), FILEINFO, 'The character set that clients get'),
    charsets.directive('CharsetOptions', [each(option)], (said, _, options) => void Object.assign(said, ...options), FILEINFO,
      'ImplicitAdd or NoImplicitAdd, TranslateAllMimeTypes or NoTranslateAllMimeTypes'),
  ],
  register({ fixups, insertFilter }, on) {
    on(fixups, prepare, { quick: true, when: (settings) => pairOf(settings.dir(charsets)) !== undefined })
    on(insertFilter, addFilters, {
      quick: true, order: Order.reallyLast,
      when: (settings) => settings.dir(charsets).addsItself && pairOf(settings.dir(charsets)) !== undefined,
    })
  },
} satisfies Module
