/* Sinks of access logs: what is written when, in which pieces, and what becomes of lines that cannot be written. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { endTurn } from '../../core/base/turn.ts'
import { Sink, type SinkOptions } from '../../modules/log_config/sink.ts'

interface Made {
  readonly sink: Sink
  /** What each write was given and took. */
  readonly writes: string[]
  readonly told: string[]
  /** Bytes that there is room for. */
  room: number
}

function make(options: Partial<SinkOptions> = {}): Made {
  const writes: string[] = []
  const told: string[] = []
  const made: Made = {
    writes, told, room: Infinity,
    sink: new Sink(-1, {
      buffered: false, isPipe: false,
      write: (_, bytes) => {
        if (made.room <= 0) throw new Error('full')
        const took = Math.min(bytes.length, made.room)
        made.room -= took
        writes.push(Buffer.from(bytes.subarray(0, took)).toString('latin1'))
        return took
      },
      trouble: (error, lost) => told.push(error === undefined ? `well again, ${lost} lost` : error.message),
      ...options,
    }),
  }
  return made
}

t.test('the lines of a turn leave in one write', (t) => {
  const { sink, writes } = make()
  for (const line of ['a\n', 'b\n', '\xe9\n']) sink.write(line)
  t.strictSame(writes, [])
  endTurn()
  t.strictSame(writes, ['a\nb\n\xe9\n'])
  sink.write(`${'x'.repeat(70_000)}\n`)
  t.equal(writes.length, 2, 'much is not kept')
  t.end()
})

t.test('into a pipe, whole lines of at most 4096 bytes at once', (t) => {
  const { sink, writes } = make({ isPipe: true })
  const lines = Array.from({ length: 200 }, (_, i) => `${'x'.repeat(i)}\n`)
  for (const line of lines) sink.write(line)
  endTurn()
  t.ok(writes.length > 3 && writes.every((text) => text.length <= 4096 && text.endsWith('\n')))
  t.equal(writes.join(''), lines.join(''))
  t.end()
})

t.test('BufferedLogs: not at the end of a turn, but within a second, and when asked', async (t) => {
  const { sink, writes } = make({ buffered: true })
  sink.write('a\n')
  endTurn()
  t.strictSame(writes, [])
  sink.flush()
  t.strictSame(writes, ['a\n'])
  sink.write('b\n')
  sink.write('c\n')
  for (let i = 0; i < 200 && writes.length < 2; i++) await sleep(20)
  t.strictSame(writes, ['a\n', 'b\nc\n'])
})

t.test('a full disk is told of once, and when it has room again', (t) => {
  const made = make()
  const say = (line: string) => {
    made.sink.write(line)
    endTurn()
  }
  made.room = 6
  say('one\ntwo\nthree\n')
  say('four\n')
  say('five\n')
  t.strictSame(made.told, ['full'])
  made.room = Infinity
  say('six\n')
  t.strictSame(made.told, ['full', 'well again, 4 lost'])
  t.equal(made.writes.join(''), 'one\ntw\nsix\n', 'a line that was cut off is not continued')
  say('seven\n')
  t.equal(made.told.length, 2)
  t.end()
})
