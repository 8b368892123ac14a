/* The page that lists what a map leads to, for who has not pointed anywhere. */
import { escapeHtml, osEscapePath } from 'httpd'
import type { MapLine } from './map.ts'

export class Menu {
  readonly #kind: string
  #text: string

  /** @param kind of ImapMenu; one that is none of the known has no lines @param uri of the map */
  constructor(kind: string, uri: string) {
    this.#kind = kind.toLowerCase()
    const title = `Menu for ${escapeHtml(uri)}`
    this.#text = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n' +
      `<html><head>\n<title>${title}</title>\n</head><body>\n`
    if (this.#kind === 'formatted') this.#text += `<h1>${title}</h1>\n<hr />\n\n`
  }

  blank(): void {
    this.#text += this.#kind === 'semiformatted' ? '<br />\n' : this.#isKnown ? '\n' : ''
  }

  /** A comment is HTML for the menus that are not formatted. */
  comment({ text }: MapLine & { readonly kind: 'comment' }): void {
    if (this.#kind === 'formatted') this.#text += '\n'
    else if (this.#isKnown && text !== '') this.#text += `${text}\n`
  }

  /** @param label what stands before it in the aligned forms */
  entry(label: 'default' | 'area', href: string, text: string): void {
    if (/^(?:error|nocontent)$/i.test(href) || !this.#isKnown) return
    const link = `<a href="${escapeHtml(osEscapePath(href))}">${escapeHtml(text)}</a>`
    if (this.#kind === 'unformatted') this.#text += link
    else this.#text += `<pre>${label === 'default' ? '(Default) ' : '          '}${link}</pre>\n`
  }

  fault(): void {
    this.#text += '\n\n[an internal server error occured]\n'
  }

  end(): string {
    return `${this.#text}\n\n</body>\n</html>\n`
  }

  get #isKnown(): boolean {
    return this.#kind === 'formatted' || this.#kind === 'semiformatted' || this.#kind === 'unformatted'
  }
}
