/* What the client and caches are told of a choice: Vary, Alternates, TCN, Content-Location, and the list of variants. */
import { escapeHtml, osEscapePath, type Request } from 'httpd'
import type { Variant } from './variants.ts'

export interface Told {
  /** RFC 2295 holds for the resource. */
  readonly transparent: boolean
  readonly sendsAlternates: boolean
  readonly answersList: boolean
}

/** A name as one segment of a relative URL. */
export const escapeSegment = (name: string): string => osEscapePath(name).replaceAll('/', '%2f').replaceAll(';', '%3b')

/** Headers that hold for errors, too: caches have to know why there was none. */
export function setHeaders(r: Request, variants: readonly Variant[], told: Told): void {
  const { errHeadersOut } = r
  if (told.sendsAlternates && variants.length > 0) errHeadersOut.merge('Alternates', variants.map(alternate).join(', '))
  const vary = [...(told.transparent ? ['negotiate'] : []), ...differing(variants)]
  if (vary.length > 0) errHeadersOut.merge('Vary', vary.join(','))
  if (told.transparent) errHeadersOut.set('TCN', told.answersList ? 'list' : 'choice')
}

const DIMENSIONS: readonly (readonly [header: string, value: (variant: Variant) => string])[] = [
  ['accept', ({ type }) => type],
  ['accept-language', ({ languages }) => languages.join(',')],
  ['accept-charset', ({ charset }) => charset],
  ['accept-encoding', ({ encoding }) => encoding ?? ''],
]

/** The headers that decide: those in whose dimension variants differ. */
const differing = ([first, ...others]: readonly Variant[]): string[] => first === undefined ? [] : DIMENSIONS
  .filter(([, value]) => others.some((variant) => value(variant) !== value(first))).map(([header]) => header)

/** Source quality without needless zeros. */
const qualityText = (quality: number): string => quality.toFixed(3).replace(/\.?0+$/, '')

function alternate(variant: Variant): string {
  const { name, sourceQuality, type, charset, languages, encoding, found } = variant
  const length = found?.handler === undefined ? variant.length() : undefined
  const attributes: readonly (readonly [string, string | undefined])[] = [
    ['type', type], ['charset', charset], ['language', languages.join(',')], ['encoding', encoding],
    ['length', length?.toString()],
  ]
  const said = attributes.map(([key, value]) => (value === undefined || value === '' ? '' : ` {${key} ${value}}`)).join('')
  return `{"${escapeSegment(name)}" ${qualityText(sourceQuality)}${said}}`
}

/** HTML: for the pages of 300 and 406. */
export function variantList(variants: readonly Variant[]): string {
  const rows = variants.map(({ name, description, type, languages, charset, encoding }) => {
    const attributes: readonly (readonly [string, string | undefined])[] =
      [['type', type], ['language', languages.join(',')], ['charset', charset], ['encoding', encoding]]
    const said = attributes.map(([key, value]) => (value === undefined || value === '' ? '' : `, ${key} ${value}`)).join('')
    return `<li><a href="${escapeSegment(name)}">${escapeHtml(name)}</a> ${description}${said}</li>\n`
  })
  return `Available variants:\n<ul>\n${rows.join('')}</ul>\n`
}
