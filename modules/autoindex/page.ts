/* The HTML of a listing, byte for byte as those who style or parse Apache's expect it. */
import { escapeHtml, osEscapePath, strftime } from 'httpd'
import { sizeText } from '../shared/size_text.ts'
import { cutDescription } from './format.ts'
import { Option } from './options.ts'
import type { View } from './query.ts'
import { BLANK, findSpecial } from './rules.ts'
import { descriptionWidthOf, nameWidthOf, type Key, type Listing } from './settings.ts'
import type { Entry } from './sort.ts'

const HTML = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n<html>\n'
const XHTML = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"\n' +
  '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml">\n'

/** All up to `<body>`. @param title HTML */
export function preamble({ styleSheet, headInsert }: Listing, options: number, title: string): string {
  const slash = options & Option.xhtml ? ' /' : ''
  const style = styleSheet === undefined ? '' : `  <link rel="stylesheet" href="${styleSheet}" type="text/css"${slash}>\n`
  return `${slash === '' ? HTML : XHTML} <head>\n  <title>Index of ${title}</title>\n${style}${headInsert ?? ''} </head>\n <body>\n`
}

export const heading = ({ styleSheet }: Listing, title: string): string =>
  styleSheet === undefined ? `<h1>Index of ${title}</h1>\n` : `  <h1 id="indextitle">Index of ${title}</h1>\n`

/** A listing in one of its three forms. */
export interface Form {
  readonly head: string
  row(entry: Entry, index: number): string
  readonly tail: string
}

export function formOf(listing: Listing, view: View, entries: readonly Entry[]): Form {
  if (view.options & Option.table) return tableForm(listing, view)
  if (view.options & Option.fancy) return fancyForm(listing, view, entries)
  return { head: '<ul>', row: plainRow, tail: '</ul>\n' }
}

const anchorOf = ({ name }: Entry): string => escapeHtml(osEscapePath(name, true))
// The parent is always the first.
const textOf = ({ name }: Entry, index: number): string => (index === 0 && name.startsWith('/') ? 'Parent Directory' : name)

const plainRow = (entry: Entry, index: number): string =>
  `<li><a href="${anchorOf(entry)}"> ${escapeHtml(textOf(entry, index))}</a></li>\n`

const DOTS = '..>'
const cutName = (text: string, width: number): string =>
  text.length > width ? text.slice(0, Math.max(0, width - DOTS.length)) + DOTS : text
const pad = (count: number): string => ' '.repeat(Math.max(0, count))

const dateText = (options: number, ms: number): string =>
  strftime(options & Option.oldDates ? '%d-%b-%Y %H:%M  ' : '%Y-%m-%d %H:%M  ', ms)
const NO_DATE = pad(19)

/** The head of a column: a link that sorts by it, or the other way round. */
function columnHead({ options, key, ascending, carried }: View, column: Key, text: string): string {
  if (options & Option.noColumnSorting) return text
  return `<a href="?C=${column};O=${column === key && ascending ? 'D' : 'A'}${carried}">${text}</a>`
}

/** Width and height, and the end of the tag. */
function imageEnd({ options: { iconWidth, iconHeight } }: Listing, options: number): string {
  const width = iconWidth === 0 ? '' : ` width="${iconWidth}"`
  const height = iconHeight === 0 ? '' : ` height="${iconHeight}"`
  return `${width}${height}${options & Option.xhtml ? ' /' : ''}>`
}

/** The icon of a row; undefined without one. */
function iconOf(listing: Listing, options: number): (entry: Entry) => string | undefined {
  const end = imageEnd(listing, options)
  return ({ icon = listing.defaultIcon, alt = '   ' }) =>
    icon === undefined ? undefined : `<img src="${escapeHtml(icon)}" alt="[${alt}]"${end}`
}

/** @returns the text of a description as it is shown, of a width that is not to be exceeded, or of any */
function descriptionText(listing: Listing, options: number, cuts: boolean): (text: string) => string {
  if (!cuts) return (text) => text
  let { width } = descriptionWidthOf(listing)
  // Unless somebody has said otherwise, it takes what room the others leave.
  if (listing.options.descriptionWidth === undefined) {
    if (options & Option.noIcon) width += 6
    if (options & Option.noLastModified) width += 19
    if (options & Option.noSize) width += 7
  }
  return (text) => cutDescription(text, width)
}

function tableForm(listing: Listing, view: View): Form {
  const { options } = view
  const styled = listing.styleSheet !== undefined
  const cell = (name: string, plain: string): string => (styled ? ` class="indexcol${name}">` : plain)
  const has = (option: number): boolean => (options & option) === 0
  const columns = 1 + [Option.noIcon, Option.noLastModified, Option.noSize, Option.noDescription].filter(has).length
  const blank = findSpecial(listing.icons, BLANK)
  const end = imageEnd(listing, options)
  const rule = has(Option.noRules)
    ? `   <tr${styled ? ' class="indexbreakrow"' : ''}><th colspan="${columns}"><hr${options & Option.xhtml ? ' /' : ''}></th></tr>\n`
    : ''
  let head = styled ? '  <table id="indexlist">\n   <tr class="indexhead">' : '  <table>\n   <tr>'
  if (has(Option.noIcon)) {
    const image = blank === undefined ? '&nbsp;' : `<img src="${escapeHtml(blank)}" alt="[ICO]"${end}`
    head += `<th${cell('icon', ' valign="top">')}${image}</th>`
  }
  head += `<th${cell('name', '>')}${columnHead(view, 'N', 'Name')}`
  if (has(Option.noLastModified)) head += `</th><th${cell('lastmod', '>')}${columnHead(view, 'M', 'Last modified')}`
  if (has(Option.noSize)) head += `</th><th${cell('size', '>')}${columnHead(view, 'S', 'Size')}`
  if (has(Option.noDescription)) head += `</th><th${cell('desc', '>')}${columnHead(view, 'D', 'Description')}`
  return { head: `${head}</th></tr>\n${rule}`, row: tableRow(listing, options, cell), tail: `${rule}</table>\n` }
}

function tableRow(
  listing: Listing, options: number, cell: (name: string, plain: string) => string,
): (entry: Entry, index: number) => string {
  const has = (option: number): boolean => (options & option) === 0
  const icon = iconOf(listing, options)
  const { width, fits } = nameWidthOf(listing)
  const shown = descriptionText(listing, options, !descriptionWidthOf(listing).fits)
  return (entry, index) => {
    const anchor = anchorOf(entry)
    const text = textOf(entry, index)
    let row = rowStart(listing, options, entry, index)
    if (has(Option.noIcon)) {
      const [open, close] = options & Option.iconsAreLinks ? [`<a href="${anchor}">`, '</a>'] : ['', '']
      row += `<td${cell('icon', ' valign="top">')}${open}${icon(entry) ?? '&nbsp;'}${close}</td>`
    }
    const name = fits ? text : cutName(text, width)
    row += `<td${cell('name', '>')}<a href="${anchor}">${escapeHtml(name)}</a>${fits ? '' : pad(width - name.length)}`
    if (has(Option.noLastModified)) {
      row += entry.modified < 0
        ? `</td><td${cell('lastmod', '>')}&nbsp;`
        : `</td><td${cell('lastmod', ' align="right">')}${dateText(options, entry.modified)}`
    }
    if (has(Option.noSize)) row += `</td><td${cell('size', ' align="right">')}${sizeText(entry.size)}`
    if (has(Option.noDescription)) {
      row += `</td><td${cell('desc', '>')}${entry.description === undefined ? '&nbsp;' : shown(entry.description)}`
    }
    return `${row}</td></tr>\n`
  }
}

function rowStart({ styleSheet }: Listing, options: number, { alt }: Entry, index: number): string {
  if (styleSheet === undefined) return '<tr>'
  const parity = index % 2 === 1 ? 'odd' : 'even'
  const kind = alt !== undefined && options & Option.altClass ? `-${alt.toLowerCase()}` : ''
  return `   <tr class="${parity}${kind}">`
}

function fancyForm(listing: Listing, view: View, entries: readonly Entry[]): Form {
  const { options } = view
  const has = (option: number): boolean => (options & option) === 0
  const width = fitted(nameWidthOf(listing), entries.map(({ name }) => name.length))
  const rule = has(Option.noRules) ? `<hr${options & Option.xhtml ? ' /' : ''}>` : ''
  const blank = findSpecial(listing.icons, BLANK)
  let head = '<pre>'
  if (has(Option.noIcon)) {
    head += blank === undefined ? pad(6) : `<img src="${escapeHtml(blank)}" alt="Icon "${imageEnd(listing, options)} `
  }
  head += `${columnHead(view, 'N', 'Name')}${pad(width - 'Name'.length)} `
  if (has(Option.noLastModified)) head += `${columnHead(view, 'M', 'Last modified')}${pad(6)}`
  if (has(Option.noSize)) head += `${columnHead(view, 'S', 'Size')}${pad(2)}`
  if (has(Option.noDescription)) head += columnHead(view, 'D', 'Description')
  return {
    head: head + (rule === '' ? '\n' : rule),
    row: fancyRow(listing, options, width),
    tail: `${rule}</pre>\n`,
  }
}

function fitted({ width, fits }: { readonly width: number; readonly fits: boolean }, lengths: readonly number[]): number {
  return fits ? lengths.reduce((most, length) => Math.max(most, length), width) : width
}

function fancyRow(listing: Listing, options: number, width: number): (entry: Entry, index: number) => string {
  const has = (option: number): boolean => (options & option) === 0
  const icon = iconOf(listing, options)
  // One as wide as the longest cuts none.
  const shown = descriptionText(listing, options, !descriptionWidthOf(listing).fits)
  return (entry, index) => {
    const anchor = anchorOf(entry)
    let row = ''
    if (has(Option.noIcon)) {
      const [open, close] = options & Option.iconsAreLinks ? [`<a href="${anchor}">`, '</a>'] : ['', '']
      row += `${open}${icon(entry) ?? pad(5)}${close} `
    }
    const name = cutName(textOf(entry, index), width)
    row += `<a href="${anchor}">${escapeHtml(name)}</a>${pad(width - name.length)} `
    if (has(Option.noLastModified)) row += entry.modified < 0 ? NO_DATE : dateText(options, entry.modified)
    if (has(Option.noSize)) row += `${sizeText(entry.size)}  `
    if (has(Option.noDescription) && entry.description !== undefined) row += shown(entry.description)
    return `${row}\n`
  }
}
