// docs/expressions.md names every variable, function and operator, with the words of its row.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { registered, registerExpressions } from '../../core/expr/lookup.ts'
import { parseCondition } from '../../core/expr/expression.ts'
import { serverExpressions } from '../../core/server/server_expressions.ts'
import { SOURCE } from './support.ts'

registerExpressions(serverExpressions)

const page = readFileSync('docs/expressions.md', 'utf8')
const rows = (list: readonly { name: string; help: string }[], name: (name: string) => string): string =>
  list.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((row) => `| \`${name(row.name)}\` | ${row.help} |`).join('\n')

t.test('the tables are those of the page', (t) => {
  const { variables, functions, unary, binary } = registered()
  for (const [what, table] of Object.entries({
    variables: rows(variables, (name) => name), functions: rows(functions, (name) => name),
    unary: rows(unary, (name) => `-${name}`), binary: rows(binary, (name) => `-${name}`),
  })) t.ok(page.includes(table), `${what}: the page should have\n${table}`)
  t.end()
})

t.test('the conditions of the page can be read', (t) => {
  const examples = [...page.matchAll(/^<(?:Else)?If "(.*)">$/gm)].map(([, text]) => text!)
  t.ok(examples.length > 2)
  for (const text of examples) t.doesNotThrow(() => parseCondition(text, SOURCE, ''), text)
  t.end()
})
