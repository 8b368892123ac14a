/*
 * Templates: one of templates/*.hbs and its values in, text out. Nothing is escaped (none of the products is made
 * of foreign text), and a value that a template names and nobody gave is an error, not an empty string.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Handlebars from 'handlebars'

const handlebars = Handlebars.create()
handlebars.registerHelper('json', (value: unknown) => JSON.stringify(value))
handlebars.registerHelper('quoted', (value: string) => `'${value.replaceAll("'", String.raw`'\''`)}'`)

/** Renders a template of the source tree. */
export function render(srcdir: string, template: string, context: object): string {
  const text = readFileSync(join(srcdir, 'templates', template), 'utf8')
  return handlebars.compile(text, { noEscape: true, strict: true })(context)
}
