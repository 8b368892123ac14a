/*
 * The style of the pages that modules make of the server itself. It stands in the page: nothing is fetched from anywhere.
 */

/** Names of colours with their values: `name:value;`. */
export interface Palette {
  readonly light: string
  readonly dark: string
}

const LIGHT = '--page:#f5f6f8;--card:#fff;--line:#dde1e7;--ink:#1c2430;--soft:#586474;--track:#e9ecf0;--link:#1558b0;'
const DARK = '--page:#12161c;--card:#1b2129;--line:#303945;--ink:#e4e9ef;--soft:#9ba8b7;--track:#2a323d;--link:#7fb4ff;'

/** What all pages have; a page's own rules follow it. @param own colours of the page */
export const baseStyle = (own: Palette = { light: '', dark: '' }): string => `
:root{color-scheme:light dark;${LIGHT}${own.light}}
@media(prefers-color-scheme:dark){:root{${DARK}${own.dark}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer{max-width:88rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.4rem}
h1{font-size:1.45rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:0 0 .7rem}
h3{font-size:.85rem;margin:0 0 .4rem;color:var(--soft);font-weight:600}
a{color:var(--link)}
nav{margin:.35rem 0 1rem;font-size:.87rem}
nav a{margin-right:1rem;white-space:nowrap}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:0 0 1rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.55rem 1.5rem;margin:0}
dl.wide{grid-template-columns:1fr;margin-top:.8rem;padding-top:.8rem;border-top:1px solid var(--line);gap:.25rem}
dt{overflow-wrap:anywhere}
dt b{display:block;font-weight:500;font-size:.78rem;color:var(--soft)}
.scroll{overflow-x:auto;margin:0 -1rem -.4rem;padding:0 1rem .4rem}
.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;font-size:.82rem;font-variant-numeric:tabular-nums;min-width:100%}
caption{text-align:left;color:var(--soft);font-size:.8rem;padding-bottom:.4rem}
th,td{padding:.28rem .42rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--soft);font-size:.76rem}
.t{text-align:left}
.empty{color:var(--soft);margin:0}
details{margin-top:.9rem}
summary{cursor:pointer;color:var(--link);font-size:.87rem}
pre{overflow-x:auto;font:13px/1.35 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;margin:.6rem 0}
footer{padding-bottom:2rem;font-size:.8rem;color:var(--soft)}`
