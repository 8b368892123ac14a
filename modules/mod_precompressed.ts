/*
 * mod_precompressed: `page.html.br` beside `page.html` is what a client that accepts `br` gets for `page.html`. Not in
 * Apache. One rule: a form is served only where a request for it would be answered, and never with the ETag of another.
 */
import {
  after, allowedBy, ConfigError, each, OK, Order, parsed, Settings,
  type Answer, type Arg, type FileInfo, type Lookup, type Module, type Request, type Status,
} from 'httpd'
import { varyBy } from './shared/compress/negotiation.ts'

interface Form {
  /** As Accept-Encoding and Content-Encoding say it. */
  readonly coding: string
  /** Behind the name of the file. */
  readonly suffix: string
}

const FORMS: readonly Form[] = [
  { coding: 'zstd', suffix: '.zst' }, { coding: 'br', suffix: '.br' }, { coding: 'gzip', suffix: '.gz' },
]
const NONE: readonly Form[] = []

const precompressed = new Settings('directory', {
  /** The best first. */
  forms: NONE,
})

type Word = Form | 'on' | 'off'

const form: Arg<Word> = parsed((text) => {
  const lower = text.toLowerCase()
  if (lower === 'on' || lower === 'off') return lower
  const found = FORMS.find(({ coding }) => coding === lower)
  if (found === undefined) throw new ConfigError(`Precompressed cannot be "${text}": it is On, Off, or some of zstd, br and gzip, the best first`)
  return found
})

function formsOf(words: readonly Word[]): readonly Form[] {
  const [first] = words
  if (words.length === 1 && (first === 'on' || first === 'off')) return first === 'on' ? FORMS : NONE
  const forms = words.filter((each) => each !== 'on' && each !== 'off')
  if (forms.length < words.length) throw new ConfigError('Precompressed cannot be On or Off and have a list as well')
  return forms
}

/**
 * The weight that an Accept-Encoding gives a coding, from 0 to 1; undefined if it says nothing of it, nor of `*`
 * (RFC 9110 section 12.5.3). A weight that is none counts as 1.
 */
export function weightOf(header: string, coding: string): number | undefined {
  let any: number | undefined
  for (let at = 0; at < header.length;) {
    const comma = header.indexOf(',', at)
    const end = comma < 0 ? header.length : comma
    const [name, ...parameters] = header.slice(at, end).split(';', 8)
    const said = name!.trim().toLowerCase()
    if (said === coding) return weightIn(parameters)
    if (said === '*') any ??= weightIn(parameters)
    at = end + 1
  }
  return any
}

function weightIn(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const value = /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/i.exec(parameter)?.[1]
    if (value !== undefined) return Math.min(1, Number(value))
  }
  return 1
}

/** The forms that a client takes rather than the file itself, the one it likes best first. */
export function accepted(header: string | undefined, forms: readonly Form[]): readonly Form[] {
  if (header === undefined) return NONE
  const plain = weightOf(header, 'identity')
  // Nothing said of the file itself, or only by `*`: any form is as good.
  const least = plain !== undefined && /identity/i.test(header) ? plain : 0
  const weighed = forms.map((form) => ({ form, weight: weightOf(header, form.coding) ?? 0 }))
  return weighed.filter(({ weight }) => weight > 0 && weight >= least).sort((a, b) => b.weight - a.weight).map(({ form }) => form)
}

/** A form for the file as it is now. */
const isFresh = (form: FileInfo, original: FileInfo): boolean => form.type === 'file' && form.mtimeMs >= original.mtimeMs

/** ETags are made of these. */
const looksLike = (a: FileInfo, b: FileInfo): boolean => a.size === b.size && a.mtimeMs === b.mtimeMs

/** fixups: the request becomes one for the form of its file, with the type of the file. */
export function choose(r: Request): Answer<Status> {
  const { filename, finfo } = r
  if (r.main !== undefined || r.handler !== undefined || finfo.type !== 'file' || filename === undefined || r.pathInfo !== '' ||
      r.contentEncoding !== undefined || (r.method !== 'GET' && r.method !== 'HEAD')) return OK
  const { forms } = r.dir(precompressed)
  const there = forms.map((form) => ({ form, info: r.stat(filename + form.suffix) })).filter(({ info }) => isFresh(info, finfo))
  if (there.length === 0) return OK
  varyBy(r.headersOut, 'Accept-Encoding')
  const wanted = accepted(r.headersIn.get('Accept-Encoding'), there.map(({ form }) => form))
  const others = [finfo, ...there.map(({ info }) => info)]
  const usable = wanted.filter((form) => {
    const { info } = there.find((each) => each.form === form)!
    return !others.some((other) => other !== info && looksLike(other, info))
  })
  return tryForms(r, filename, usable, 0)
}

function tryForms(r: Request, filename: string, forms: readonly Form[], from: number): Answer<Status> {
  const form = forms[from]
  if (form === undefined) return OK
  // Whatever guards the form (links that may not be followed, <Files "*.gz">) counts.
  return after(r.subLookup(r.uri + form.suffix), (found) => {
    if (found.status !== 200 || found.filename !== filename + form.suffix) return tryForms(r, filename, forms, from + 1)
    become(r, form, found)
    return OK
  })
}

function become(r: Request, { coding }: Form, { filename, finfo }: Lookup): void {
  r.filename = filename
  ;(r as { finfo: FileInfo }).finfo = finfo
  r.contentEncoding = coding
}

export const module = {
  name: 'precompressed_module',
  file: 'mod_precompressed.c',
  settings: [precompressed],
  directives: [
    precompressed.directive('Precompressed', [each(form)], (said: { forms?: readonly Form[] }, _, words) => {
      said.forms = formsOf(words)
    }, allowedBy('FileInfo'),
    'On, Off, or some of zstd, br and gzip, the best first: files .zst, .br and .gz beside others are sent in their place'),
  ],
  register({ fixups }, on) {
    on(fixups, choose, { order: Order.last, quick: true, when: (settings) => settings.dir(precompressed).forms.length > 0 })
  },
} satisfies Module
