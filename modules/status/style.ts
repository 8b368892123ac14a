/*
 * The page's style sheet, in the page itself: it asks for nothing from anywhere. Each state of a worker or connection has
 * one hue, in a strong form for charts (--x) and as ground and ink for cells (--x-g, --x-i), for light and for dark.
 */
import { baseStyle } from '../shared/page/style.ts'

type Hue = readonly [name: string, light: readonly [string, string, string], dark: readonly [string, string, string]]

/** Name; strong, ground, ink: in light and in dark. Inks have a contrast of 4.5 and more on their ground. */
const HUES: readonly Hue[] = [
  ['idle', ['#8fa3b8', '#e6ebf1', '#46586b'], ['#5d7186', '#26303b', '#a9bacb']],
  ['start', ['#12a5b8', '#d3f1f5', '#075e69'], ['#22b8cc', '#0b3a41', '#7fe3f0']],
  ['read', ['#2f7de1', '#d8e8fd', '#144a94'], ['#4d94f0', '#123056', '#a5ccff']],
  ['send', ['#e8720c', '#ffe2c7', '#8a3d00'], ['#f58a2d', '#512a08', '#ffc794']],
  ['keep', ['#2d9d5c', '#d5f2e0', '#14603a'], ['#3dbb72', '#0f3d25', '#8fe6b4']],
  ['close', ['#c43d8c', '#fadcee', '#8a1d5d'], ['#dd62a8', '#4b1535', '#fbb3da']],
  ['log', ['#7a5ad6', '#e6defb', '#4a2fa0'], ['#9a7df0', '#2d1f5c', '#cdbcff']],
  ['grace', ['#b08900', '#f7ecc0', '#665000'], ['#d3a916', '#41350a', '#f4da7e']],
]

const variables = (form: 1 | 2): string => HUES.map((hue) => {
  const [strong, ground, ink] = hue[form]
  return `--${hue[0]}:${strong};--${hue[0]}-g:${ground};--${hue[0]}-i:${ink};`
}).join('')

const classes = HUES.map(([name]) => `.c-${name}{background:var(--${name}-g);color:var(--${name}-i)}.f-${name}{fill:var(--${name})}.s-${name}{background:var(--${name})}`).join('')

export const STYLE = `${baseStyle({ light: variables(1), dark: variables(2) })}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.8rem;margin:0 0 1rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.7rem 1rem}
.tile b{display:block;font-size:1.4rem;white-space:nowrap;line-height:1.2;font-weight:650;font-variant-numeric:tabular-nums}
.tile span{font-size:.8rem;color:var(--soft)}
svg{display:block;max-width:100%}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--ink)}
svg .soft{fill:var(--soft)}
.track{fill:var(--track)}
.bar{width:100%;height:1.6rem;border-radius:.35rem;overflow:hidden}
.key{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.6rem 0 0;padding:0;list-style:none;font-size:.87rem}
.key li{display:flex;align-items:center}
.key i,.cells i{font:600 12px/1.35rem ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;width:1.35rem;height:1.35rem;border-radius:.25rem;text-align:center;flex:none}
.key i{margin-right:.4rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),1fr));gap:1.2rem 2rem}
.groups{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(14.5rem,100%),1fr));gap:.9rem 1.2rem}
.groups.one{grid-template-columns:1fr}
.cells{display:flex;flex-wrap:wrap;gap:3px}
.cells i{cursor:default;display:block}
.groups+p{margin:.8rem 0 0}
.c-open{background:transparent;color:var(--soft);box-shadow:inset 0 0 0 1px var(--line)}
.f-open{fill:var(--track)}
.s-open{background:var(--track)}
thead tr:first-child th[colspan]{text-align:center;border-left:1px solid var(--line)}
.short{min-width:0}
tbody tr:last-child td,tbody tr:last-child th{border-bottom:0}
tfoot td,tfoot th{font-weight:650;color:var(--ink);border-top:2px solid var(--line);border-bottom:0}
td.m i{display:inline-block;font:600 12px/1.3rem ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;width:1.3rem;border-radius:.25rem;text-align:center}
td.line{max-width:26rem;overflow:hidden;text-overflow:ellipsis;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.pill{display:inline-block;border-radius:1rem;padding:0 .55rem;font-size:.78rem}
.legend{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .8rem;font-size:.85rem}
.legend dt{font-weight:600}
.legend dd{margin:0;color:var(--soft)}
@media(max-width:34rem){body{font-size:14px}h1{font-size:1.2rem}dl{grid-template-columns:1fr 1fr}.tiles{grid-template-columns:1fr 1fr;gap:.6rem}section{padding:.8rem}.scroll{margin:0 -.8rem -.4rem;padding:0 .8rem .4rem}}
${classes}`
