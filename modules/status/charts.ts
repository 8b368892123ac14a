/* Charts of the page: plain SVG, sized by the page, readable without colours. */
import { html, NOTHING, type Markup } from '../shared/page/markup.ts'

/** A number with its name. `hue`: a class of the style sheet, without its prefix. */
export interface Share {
  readonly label: string
  readonly value: number
  readonly hue: string
  /** As the value is written; else the number itself. */
  readonly text?: string
}

const percent = (part: number, whole: number): number => whole > 0 ? Math.round((part / whole) * 1000) / 10 : 0

/** Parts of a whole in one line, side by side. @param label what a screen reader says */
export function stackedBar(label: string, shares: readonly Share[]): Markup {
  const whole = shares.reduce((sum, { value }) => sum + value, 0)
  let from = 0
  const parts = shares.filter(({ value }) => value > 0).map(({ value, hue, label: name }) => {
    const width = percent(value, whole)
    const part = html`<rect class="f-${hue}" x="${from}%" width="${width}%" height="100%"><title>${name}: ${value}</title></rect>`
    from += width
    return part
  })
  return html`<svg class="bar" role="img" aria-label="${label}"><rect class="track" width="100%" height="100%"/>
${parts}</svg>`
}

const WIDTH = 340
const LABEL = 106
const ROW = 24
const BAR = 14
const VALUE = 72

/** One line per number; lengths compare with the largest. */
export function barChart(title: string, shares: readonly Share[]): Markup {
  if (shares.length === 0) return NOTHING
  const most = Math.max(1, ...shares.map(({ value }) => value))
  const room = WIDTH - LABEL - VALUE
  const lines = shares.map(({ label, value, hue, text = String(value) }, i) => {
    const top = i * ROW
    const length = Math.round((value / most) * room)
    return html`<text x="${LABEL - 8}" y="${top + 16}" text-anchor="end" class="soft">${label}</text>
<rect class="track" x="${LABEL}" y="${top + 5}" width="${room}" height="${BAR}" rx="3"/>
<rect class="f-${hue}" x="${LABEL}" y="${top + 5}" width="${value > 0 ? Math.max(2, length) : 0}" height="${BAR}" rx="3"/><text x="${LABEL + room + 8}" y="${top + 16}">${text}</text>`
  })
  const said = shares.map(({ label, value, text = String(value) }) => `${label} ${text}`).join(', ')
  return html`<div><h3>${title}</h3>
<svg role="img" aria-label="${title}: ${said}" viewBox="0 0 ${WIDTH} ${shares.length * ROW}" width="${WIDTH}">${lines}</svg></div>`
}
