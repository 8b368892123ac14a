/* What sections say of listings. One record, since what is said in one place merges as a whole. */
import { Settings } from 'httpd'
import { DEFAULT_WIDTH, mergeOptions, NOTHING_SAID, switches, type Said, type Width } from './options.ts'
import type { Description, Rule } from './rules.ts'

/** Columns: Name, last Modified, Size, Description. */
export type Key = 'N' | 'M' | 'S' | 'D'

export interface Listing {
  readonly options: Said
  /** Outside of all sections and virtual hosts: there Apache takes options with a sign into use only by merging. */
  readonly isOutermost: boolean
  readonly icons: readonly Rule[]
  readonly alts: readonly Rule[]
  readonly descriptions: readonly Description[]
  readonly ignored: readonly Rule[]
  /** IndexIgnoreReset: names ignored outside are not. */
  readonly ignoreReset: boolean
  readonly headers: readonly Rule[]
  readonly readmes: readonly Rule[]
  readonly defaultIcon: string | undefined
  readonly styleSheet: string | undefined
  readonly headInsert: string | undefined
  readonly order: { readonly key: Key; readonly ascending: boolean } | undefined
}

export const NO_LISTING: Listing = {
  options: NOTHING_SAID, isOutermost: false, icons: [], alts: [], descriptions: [], ignored: [], ignoreReset: false,
  headers: [], readmes: [], defaultIcon: undefined, styleSheet: undefined, headInsert: undefined, order: undefined,
}

const merge = (outer: Listing, inner: Listing): Listing => ({
  options: mergeOptions(outer.options, inner.options),
  isOutermost: false,
  icons: [...inner.icons, ...outer.icons],
  alts: [...inner.alts, ...outer.alts],
  descriptions: [...inner.descriptions, ...outer.descriptions],
  ignored: inner.ignoreReset ? inner.ignored : [...inner.ignored, ...outer.ignored],
  ignoreReset: inner.ignoreReset,
  headers: [...inner.headers, ...outer.headers],
  readmes: [...inner.readmes, ...outer.readmes],
  defaultIcon: inner.defaultIcon ?? outer.defaultIcon,
  styleSheet: inner.styleSheet ?? outer.styleSheet,
  headInsert: inner.headInsert ?? outer.headInsert,
  order: inner.order ?? outer.order,
})

export const autoindex = new Settings('directory', { listing: NO_LISTING }, { listing: merge })

export const optionsOf = ({ options, isOutermost }: Listing): number => isOutermost ? options.plain : switches(options)

const USUAL: Width = { width: DEFAULT_WIDTH, fits: false }
export const nameWidthOf = ({ options }: Listing): Width => options.nameWidth ?? USUAL
export const descriptionWidthOf = ({ options }: Listing): Width => options.descriptionWidth ?? USUAL
