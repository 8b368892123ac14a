/* HTML out of templates: whatever is put in is text, unless it was made by a template itself. */
import { escapeHtml } from 'httpd'

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Value = string | number | Markup | readonly Markup[]

/** Bytes that no page shows, and characters that one byte cannot hold. */
const UNSHOWN = /[^\x20-\x7e\xa0-\xff]/gu

/** Control bytes as `\xHH`: a request line may hold anything. */
const shown = (text: string): string =>
  text.replace(UNSHOWN, (char) => `\\x${char.codePointAt(0)!.toString(16).padStart(2, '0')}`)

function textOf(value: Value): string {
  if (value instanceof Markup) return value.text
  if (typeof value === 'object') return value.map(({ text }) => text).join('')
  return typeof value === 'number' ? String(value) : escapeHtml(shown(value))
}

/** For a template tag. Attributes that text is put into must be in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let text = strings[0]!
  for (let i = 0; i < values.length; i++) text += textOf(values[i]!) + strings[i + 1]!
  return new Markup(text)
}

export const NOTHING = new Markup('')
