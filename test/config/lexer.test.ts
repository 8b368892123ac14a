import fc from 'fast-check'
import t from 'tap'
import { logicalLines, nextWord, quoted, withVariables, wordsOf } from '../../core/config/lexer.ts'

const lines = (text: string, limit = 100) => [...logicalLines(text, limit)].map(({ text, line }) => `${line} ${text}`)

t.test('logicalLines()', (t) => {
  t.same(lines(''), [])
  t.same(lines('a'), ['1 a'], 'a last line needs no line feed')
  t.same(lines('a\\'), ['1 a\\'], 'nor joins it anything')
  t.same(lines(' a \t\r\nb\r\n\n\v'), ['1 a', '2 b', '3 ', '4 '], 'blanks and carriage returns go')
  t.same(lines('a\\\r\nb\\\n c\n'), ['3 ab c'], 'a backslash before a line end of either kind joins')
  t.same(lines('a\0b\nc'), ['1 a', '2 c'], 'a NUL ends its line')
  t.same(lines('a\\\n'), ['1 a'], 'joined with nothing')
  t.throws(() => lines(`ok\n${'x'.repeat(60)}\\\n${'x'.repeat(60)}`), { line: 3, message: 'Line too long' })
  t.match(lines('x'.repeat(100)).length, 1, 'the limit itself is allowed')
  t.end()
})

t.test('logicalLines() keeps every character but those that join, end or surround lines', (t) => {
  fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '\\', ' ', '#', '"', '<') })), (list) => {
    const text = list.map((line) => `x${line}x`).join('\n')
    t.same([...logicalLines(text, 1e6)].map(({ text }) => text), list.map((line) => `x${line}x`))
  }), { numRuns: 50 })
  t.end()
})

t.test('wordsOf() reads what quoted() writes', (t) => {
  fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', ' ', '\t', '\\', '"', "'", '>', '\xe9') })),
    (words) => {
      const read = wordsOf(words.map(quoted).join(' '))
      if (JSON.stringify(read) !== JSON.stringify(words)) throw new Error(JSON.stringify({ words, read }))
    }))
  t.same(wordsOf('  '), [])
  t.same(wordsOf('"a"b \'c\' d"e'), ['a', 'b', 'c', 'd"e'])
  t.same(nextWord(' "a b"  c d '), ['a b', 'c d '])
  t.same(nextWord('"open end\\"'), ['open end"', ''])
  t.end()
})

t.test('withVariables()', (t) => {
  const unknown: string[] = []
  const replaced = withVariables('${a} $a ${b} ${c:d} ${} ${a', (name) => (name === 'a' ? '${b}' : undefined),
    (name) => unknown.push(name))
  t.equal(replaced, '${b} $a ${b} ${c:d} ${} ${a')
  t.same(unknown, ['b', ''])
  t.end()
})
