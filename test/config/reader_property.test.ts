// The configuration reader: what is written out of a tree is read as that tree, however it is laid out; a fault names
// the file and the line where it was put; no text at all makes it throw.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { logicalLines, nextWord, quoted, wordsOf } from '../../core/config/lexer.ts'
import type { TreeNode } from '../../core/config/reader.ts'
import { byteStrings, holds, same } from '../support/property.ts'
import { configured } from './support.ts'

/** A directive with its words, or a section with what it encloses. */
interface Node {
  readonly name: string
  readonly words: readonly string[]
  readonly body: readonly Node[] | undefined
}

/** How a line is written: blanks before it, whether it goes on behind a backslash, what stands between it and the next. */
interface Layout {
  readonly indent: string
  readonly quote: boolean
  readonly folded: boolean
  readonly between: readonly string[]
}

const word = fc.oneof(fc.constantFrom('a', '/x', '', 'a b', '"', "'", '\\', 'a"b', '#', '>', '${', '$a', '\xe9', 'a\\'), fc.string({ unit: fc.constantFrom('a', ' ', '\t', '\\', '"', "'", '<', '>', '#'), maxLength: 5 }))
const words = fc.array(word, { minLength: 1, maxLength: 3 })
const { nodes } = fc.letrec<{ nodes: readonly Node[]; node: Node }>((tie) => ({
  nodes: fc.array(tie('node'), { maxLength: 3 }),
  node: fc.oneof({ maxDepth: 3 }, fc.record({ name: fc.constantFrom('Mark', 'Options', 'Require', 'NoSuchThing'), words, body: fc.constant(undefined) }),
    fc.record({ name: fc.constantFrom('Files', 'Location', 'Odd'), words: fc.constant(['x']), body: tie('nodes') })),
}))
const layout: fc.Arbitrary<Layout> = fc.record({
  indent: fc.constantFrom('', ' ', '\t \t'), quote: fc.boolean(), folded: fc.boolean(),
  between: fc.array(fc.constantFrom('', '  ', '# <Files x>', ' #\t${X}', '#', '# goes on \\\nto here'), { maxLength: 2 }),
})

const isPlain = (text: string): boolean => /^[^\s"'\\$#<>]+$/.test(text)

/** The lines of a file, and for each directive the number of its last one. */
class Writer {
  text = ''
  readonly #layouts: readonly Layout[]
  readonly #end: string
  #used = 0
  #line = 0

  constructor(layouts: readonly Layout[], end: string) {
    this.#layouts = layouts
    this.#end = end
  }

  /** @returns the tree as it is to be read */
  write(nodes: readonly Node[]): object[] {
    return nodes.map(({ name, words, body }) => {
      if (body === undefined) {
        const line = this.#put([name, ...words])
        return { name, words, line }
      }
      const line = this.#put([`<${name}`, ...words], '>')
      const inner = this.write(body)
      this.#put([`</${name}>`])
      return { name: `<${name}`, words, line, body: inner }
    })
  }

  #put(words: readonly string[], behind = ''): number {
    const { indent, quote, folded, between } = this.#layouts[this.#used++ % this.#layouts.length]!
    const [name = '', ...rest] = words
    const written = rest.map((text) => (isPlain(text) && !quote ? text : quoted(text)))
    this.#add(`${indent}${[name, ...written].join(folded && rest.length > 0 ? ` \\${this.#end}\t` : ' ')}${behind}${indent}`)
    const line = this.#line
    for (const text of between) this.#add(text)
    return line
  }

  #add(text: string): void {
    this.text += text + this.#end
    this.#line += text.split('\n').length
  }
}

const argumentsOf = (args: string): string => args.replace(/>$/, '')

const read = (tree: readonly TreeNode[]): object[] => tree.map(({ name, args, line, body }) => ({
  name, words: wordsOf(name.startsWith('<') ? argumentsOf(args) : args), line, ...(body !== undefined && { body: read(body) }),
}))

const layouts = fc.array(layout, { minLength: 1, maxLength: 5 })
const ends = fc.constantFrom('\n', '\r\n')

t.test('a tree', (t) => {
  const root = t.testdir({})
  const file = join(root, 'httpd.conf')
  holds(t, 'is read as it was written, with the number of each line', fc.tuple(nodes, layouts, ends), ([tree, how, end]) => {
    const writer = new Writer(how, end)
    const wanted = writer.write(tree)
    writeFileSync(file, writer.text, 'latin1')
    same(read(configured({ root, env: {} }).tree), wanted)
  }, 500)

  const wrong = fc.constantFrom('</Limit>', '</Files', 'Define', 'Define a:b c', 'Include', 'Include no/such/*', 'UnDefine', 'LoadModule x',
    '<IfModule>', '<IfDefine', '<IfDefine !>', 'ServerRoot /no/such/place', 'Include no-such.conf')
  holds(t, 'with a fault in it has that fault named, with file and line', fc.tuple(nodes, wrong, layouts, fc.nat(5)), ([tree, fault, how, at]) => {
    const writer = new Writer(how, '\n')
    writer.write(tree.slice(0, at))
    const line = writer.text.split('\n').length
    writeFileSync(file, `${writer.text}${fault}\n${fault.startsWith('<If') ? `${fault.replace(/ .*|>/, '').replace('<', '</')}>\n` : ''}`, 'latin1')
    const texts = configured({ root, env: {} }).faults.filter(({ when }) => when === 'read').map(({ text }) => text)
    if (!texts.some((text) => text.includes(`line ${line} of ${file}: `))) throw new Error(`line ${line} is not named: ${JSON.stringify(texts)}`)
  }, 300)

  const piece = fc.oneof(byteStrings(6), fc.constantFrom('\n', '\\\n', '\r\n', '<', '</', '>', '<Files x>', '</Files>', '<If', '<IfDefine A>', '</IfDefine>', '${A}', '${', '"',
    'Define A ', 'Mark ', 'Include ', '<VirtualHost ', '</VirtualHost>', '#', 'Error ', '<Limit GET>', '<Else>', 'Options +A -B', '<Location ~ "['))
  holds(t, 'of any bytes has no fault without a place', fc.array(piece, { maxLength: 25 }).map((list) => list.join('')), (text) => {
    writeFileSync(file, text, 'latin1')
    const lines = text.split('\n').length
    for (const { text: said, line, message } of configured({ root }).faults) {
      if (message === '' || !/line \d+ of |:\d+: /.test(said)) throw new Error(`no place in ${JSON.stringify(said)}`)
      if (line < 1 || line > lines) throw new Error(`line ${line} of ${lines}`)
    }
  }, 400)
  t.end()
})

t.test('words', (t) => {
  const separators = fc.array(fc.constantFrom(' ', '\t', '  \t'), { minLength: 1, maxLength: 4 })
  holds(t, 'come out as quoted() wrote them, whatever stands between', fc.tuple(fc.array(byteStrings(8).filter((text) => !/[\0\r\n]/.test(text))), separators), ([list, between]) => {
    const text = list.map((each, i) => quoted(each) + between[i % between.length]!).join('')
    same(wordsOf(text), list)
    const [line] = [...logicalLines(`${text}x\n`, 1e6)]
    same(wordsOf(line!.text), [...list, 'x'], 'in a file it')
  })
  holds(t, 'are taken off one by one until nothing is left', byteStrings(40), (text) => {
    const taken: string[] = []
    // No line begins with a blank; blanks are those of C.
    const line = text.replace(/^[\t-\r ]+/, '')
    let rest = line
    for (let n = 0; rest !== ''; n++) {
      if (n > text.length) throw new Error('it never ends')
      const [word, after] = nextWord(rest)
      if (after.length >= rest.length) throw new Error(`nothing is taken off ${JSON.stringify(rest)}`)
      taken.push(word)
      rest = after
    }
    same(wordsOf(line), taken)
  })
  holds(t, 'any bytes are lines with rising numbers, without a line feed inside', fc.tuple(byteStrings(60), fc.constantFrom(5, 1000)), ([text, limit]) => {
    let last = 0
    try {
      for (const { text: one, line } of logicalLines(text, limit)) {
        if (line <= last || one.includes('\n') || one.includes('\0') || one.length > limit) throw new TypeError(JSON.stringify(one))
        last = line
      }
    } catch (error) {
      if (error instanceof TypeError || limit === 1000) throw error
    }
  })
  t.end()
})
