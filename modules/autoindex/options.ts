/* IndexOptions: what one line says, and what it comes to under what was said outside (Apache's add_opts and its merge). */
import { ConfigError, numberOf } from 'httpd'

export const Option = {
  none: 1, fancy: 2, foldersFirst: 4, table: 8, iconsAreLinks: 0x10, ignoreCase: 0x20, ignoreClient: 0x40,
  scanTitles: 0x80, noColumnSorting: 0x100, noDescription: 0x200, noPreamble: 0x400, noIcon: 0x800, noLastModified: 0x1000,
  noSize: 0x2000, noRules: 0x4000, trackModified: 0x8000, versionSort: 0x1_0000, xhtml: 0x2_0000, showForbidden: 0x4_0000,
  altClass: 0x8_0000, oldDates: 0x10_0000,
} as const

const NAMES: Readonly<Record<string, number>> = {
  fancyindexing: Option.fancy, foldersfirst: Option.foldersFirst, htmltable: Option.table,
  iconsarelinks: Option.iconsAreLinks, ignorecase: Option.ignoreCase, ignoreclient: Option.ignoreClient,
  scanhtmltitles: Option.scanTitles, suppresscolumnsorting: Option.noColumnSorting,
  suppressdescription: Option.noDescription, suppresshtmlpreamble: Option.noPreamble, suppressicon: Option.noIcon,
  suppresslastmodified: Option.noLastModified, suppresssize: Option.noSize, suppressrules: Option.noRules,
  trackmodified: Option.trackModified, versionsort: Option.versionSort, xhtml: Option.xhtml,
  showforbidden: Option.showForbidden, addaltclass: Option.altClass, useolddateformat: Option.oldDates,
}

/** Characters; `fits`: as many as the longest needs, but not fewer. */
export interface Width {
  readonly width: number
  readonly fits: boolean
}

/** What lines of one place say. */
export interface Said {
  /** Options without sign, and those with `+` and `-`. */
  readonly plain: number
  readonly added: number
  readonly removed: number
  readonly nameWidth: Width | undefined
  readonly descriptionWidth: Width | undefined
  /** Pixels; 0: not said. */
  readonly iconWidth: number
  readonly iconHeight: number
  readonly charset: string | undefined
  readonly type: string | undefined
}

export const NOTHING_SAID: Said = {
  plain: 0, added: 0, removed: 0, nameWidth: undefined, descriptionWidth: undefined, iconWidth: 0, iconHeight: 0,
  charset: undefined, type: undefined,
}

export const DEFAULT_WIDTH = 23
const ICON_WIDTH = 20, ICON_HEIGHT = 22

type Draft = { -readonly [K in keyof Said]: Said[K] }
type Sign = '+' | '-' | ''

/** Carries out the words of a line after what was said in the same place. @throws ConfigError with Apache's texts */
export function readOptions(before: Said, words: readonly string[]): Said {
  const said: Draft = { ...before }
  for (const word of words) {
    const sign: Sign = word.startsWith('+') ? '+' : word.startsWith('-') ? '-' : ''
    const text = word.slice(sign.length)
    const option = NAMES[text.toLowerCase()] ?? (readSpecial(said, text, sign) ? 0 : undefined)
    if (option === undefined) throw new ConfigError('Invalid directory indexing option')
    addOption(said, option, sign, text)
  }
  if (said.plain & Option.none && said.plain & ~Option.none) {
    throw new ConfigError("Cannot combine other IndexOptions keywords with 'None'")
  }
  return said
}

function addOption(said: Draft, option: number, sign: Sign, text: string): void {
  if (text.toLowerCase() === 'none') return
  if (sign === '') {
    said.plain |= option
    said.added = said.removed = 0
  } else if (sign === '+') {
    said.added |= option
    said.removed &= ~option
  } else {
    said.removed |= option
    said.added &= ~option
  }
}

/** What is not a switch. False: there is no such option. */
function readSpecial(said: Draft, text: string, sign: Sign): boolean {
  const [, name, value] = /^([^=]*)(?:=(.*))?$/s.exec(text)!
  const isMinus = sign === '-'
  switch (name!.toLowerCase()) {
    case 'none':
      if (value !== undefined) return false
      if (sign !== '') throw new ConfigError("Cannot combine '+' or '-' with 'None' keyword")
      said.plain = Option.none
      said.added = said.removed = 0
      return true
    case 'iconwidth':
      said.iconWidth = pixels(value, isMinus, ICON_WIDTH, 'IconWidth')
      return true
    case 'iconheight':
      said.iconHeight = pixels(value, isMinus, ICON_HEIGHT, 'IconHeight')
      return true
    case 'namewidth':
      said.nameWidth = widthOf(value, isMinus, 5, 'NameWidth', said.nameWidth)
      return true
    case 'descriptionwidth':
      said.descriptionWidth = widthOf(value, isMinus, 12, 'DescriptionWidth', said.descriptionWidth)
      return true
    case 'charset':
      if (value !== undefined) said.charset = value
      return value !== undefined
    case 'type':
      if (value !== undefined) said.type = value
      return value !== undefined
    default: return false
  }
}

function pixels(value: string | undefined, isMinus: boolean, usual: number, name: string): number {
  if (value === undefined) return isMinus ? 0 : usual
  if (isMinus) throw new ConfigError(`Cannot combine '-' with ${name}=n`)
  return numberOf(value)
}

function widthOf(
  value: string | undefined, isMinus: boolean, least: number, name: string, before: Width | undefined,
): Width {
  if (value === undefined) {
    if (!isMinus) throw new ConfigError(`${name} with no value may only appear as '-${name}'`)
    return { width: DEFAULT_WIDTH, fits: false }
  }
  if (isMinus) throw new ConfigError(`Cannot combine '-' with ${name}=n`)
  if (value.startsWith('*')) return { width: before?.width ?? DEFAULT_WIDTH, fits: true }
  const width = numberOf(value)
  if (width !== 0 && width < least) throw new ConfigError(`${name} value must be greater than ${least}`)
  return { width: Math.max(0, width), fits: false }
}

/**
 * Options of an inner place under those of the outer one. Options without sign stand alone; where there are only some
 * with a sign, these change what is outside.
 */
export function mergeOptions(outer: Said, inner: Said): Said {
  return {
    ...mergeSwitches(outer, inner),
    nameWidth: inner.nameWidth ?? outer.nameWidth,
    descriptionWidth: inner.descriptionWidth ?? outer.descriptionWidth,
    iconWidth: inner.iconWidth || outer.iconWidth,
    iconHeight: inner.iconHeight || outer.iconHeight,
    charset: inner.charset ?? outer.charset,
    type: inner.type ?? outer.type,
  }
}

function mergeSwitches(outer: Said, inner: Said): Pick<Said, 'plain' | 'added' | 'removed'> {
  if (inner.plain & Option.none) return { plain: Option.none, added: 0, removed: 0 }
  if (inner.plain !== 0) return { plain: switches(inner), added: inner.added, removed: inner.removed }
  const added = (outer.added | inner.added) & ~inner.removed
  const removed = outer.removed | inner.removed
  return { plain: (outer.plain | added) & ~removed, added, removed }
}

/** What is on. */
export const switches = ({ plain, added, removed }: Said): number => (plain | added) & ~removed
