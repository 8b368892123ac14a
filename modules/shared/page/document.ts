/* The frame of a page about the server: one document that fetches nothing and that no search engine keeps. */
import { html, Markup } from './markup.ts'

export interface Parts {
  readonly title: string
  /** A style sheet. */
  readonly style: string
  readonly header: Markup
  readonly main: Markup | readonly Markup[]
  readonly footer?: Markup
}

/** The text has one byte per character, also where it shows what came from clients. */
export const documentText = ({ title, style, header, main, footer }: Parts): string => html`<!DOCTYPE html>
<html lang="en"><head>
<meta charset="ISO-8859-1">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Markup(style)}
</style>
</head><body>
<header>
${header}
</header>
<main>
${main}
</main>
${footer === undefined ? [] : html`<footer>${footer}</footer>
`}</body></html>
`.text
