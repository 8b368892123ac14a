// The loop that all MPMs share, over a poller and an engine made by hand: what it tells them, and in which order.
import t from 'tap'
import { Next, type Conn, type ConnOwner, type Seat } from '../../core/server/mpm.ts'
import { Loop, type Policy } from '../../mpms/shared/loop.ts'

const LISTENER = 5

function make(policy: Policy, answers: Next[]) {
  const said: string[] = []
  let ready: () => void = () => undefined
  let batches: number[][] = []
  let owner: ConnOwner | undefined
  let next = 100
  const connect = (fd: number, _peer: unknown, _local: unknown, by: ConnOwner): Conn => {
    owner = by
    return {
      fd, patience: 1000, keepalives: 1, peer: { address: '::1', port: 1 },
      advance: () => (said.push(`advance ${fd}`), answers.shift() ?? Next.idle),
      timedOut: () => Next.close, unread: () => new Uint8Array(0), keep: () => undefined,
      close: () => void said.push(`close ${fd}`), release: () => void said.push(`release ${fd}`),
      lend: () => void said.push(`lend ${fd}`), takeBack: (n) => void said.push(`take back ${fd} ${n}`),
    }
  }
  const poller = {
    handle: 1, fds: new Int32Array(16), ready: new Uint8Array(16), close: () => undefined,
    add: (fd: number) => (said.push(`add ${fd}`), 0), change: () => 0, remove: (fd: number) => (said.push(`remove ${fd}`), 0),
    watch: (act: () => void) => { ready = act },
    take: () => {
      const batch = batches.shift() ?? []
      poller.fds.set(batch)
      return batch.length
    },
  }
  let backlog = 0
  let clock = 0
  /** What accept answers where nobody waits. */
  let nobody = -11
  const seat = {
    thread: -1, poller, listeners: [LISTENER], connectionsPerChild: 0, localEnd: () => undefined,
    log: (_level: string, text: string) => void said.push(text),
    process: { add: () => 0, set: () => undefined }, worker: { status: 0 }, finished: () => void said.push('finished'),
    engine: {
      connect, accept: () => (backlog-- > 0 ? next++ : nobody), peer: () => ({ address: '::1', port: 1 }), finishing: false,
      now: () => clock, beginTurn: () => void said.push('begin'), endTurn: () => void said.push('end'),
    },
  } as unknown as Seat
  const loop = new Loop(seat, policy)
  loop.start()
  return {
    loop, said: () => said.splice(0), adopt: (fd: number) => loop.adopt(seat.engine.connect(fd, { address: '::1', port: 1 }, undefined, loop)), resume: (conn: Conn) => owner!.resume(conn),
    deliver(waiting: number, ...them: number[][]) {
      backlog = waiting
      batches = them
      ready()
    },
    end: () => loop.finish(),
    fail: (errno: number) => { nobody = -errno },
    pass: (ms: number) => { clock += ms },
  }
}

t.test('the clock is read and files are looked at anew before anything is served, in every turn', (t) => {
  const made = make({ accepts: 'many' }, [Next.idle, Next.close])
  t.same(made.said(), ['add 5'])
  made.deliver(1, [LISTENER], [100])
  t.same(made.said(), ['begin', 'begin', 'advance 100', 'add 100', 'end', 'begin', 'advance 100', 'close 100', 'end'])
  t.end()
})

t.test('so it is when a connection goes on by itself', (t) => {
  let kept: Conn | undefined
  const made = make({ accepts: 'many', idle: (berth) => ((kept = berth.conn), false) }, [Next.idle, Next.suspend, Next.close])
  made.deliver(1, [LISTENER], [100])
  made.said()
  made.resume(kept!)
  t.same(made.said(), ['begin', 'advance 100', 'close 100', 'end'])
  t.end()
})

t.test('so it is when a connection is taken in, also within a turn: it may have been asked for after the looks of that turn', (t) => {
  const made = make({ accepts: 'none' }, [Next.idle])
  made.said()
  made.adopt(100)
  t.same(made.said(), ['begin', 'advance 100', 'add 100'])
  made.loop.also(7, () => made.adopt(101))
  made.said()
  made.deliver(0, [7])
  t.same(made.said(), ['begin', 'begin', 'advance 101', 'add 101', 'end'])
  t.end()
})

t.test('one at a time: it stops listening until the connection has ended', (t) => {
  const made = make({ accepts: 'one' }, [Next.read, Next.close])
  made.said()
  made.deliver(2, [LISTENER])
  t.same(made.said(), ['begin', 'remove 5', 'begin', 'advance 100', 'add 100', 'end'])
  made.deliver(1, [100])
  t.same(made.said(), ['begin', 'advance 100', 'close 100', 'add 5', 'end'])
  t.end()
})

t.test('it finishes once the last connection has ended', (t) => {
  const made = make({ accepts: 'many' }, [Next.read, Next.close])
  made.deliver(1, [LISTENER])
  made.said()
  made.end()
  t.same(made.said(), ['begin', 'remove 5', 'end'])
  made.deliver(0, [100])
  t.same(made.said(), ['begin', 'advance 100', 'close 100', 'end', 'finished'])
  t.end()
})

t.test('it says once that it has finished, also when the last connection ends by the way', (t) => {
  const made = make({ accepts: 'one' }, [Next.idle, Next.close])
  made.deliver(1, [LISTENER])
  made.said()
  made.end()
  t.same(made.said(), ['begin', 'advance 100', 'close 100', 'end', 'finished'])
  made.end()
  t.same(made.said(), [])
  t.end()
})

t.test('where accept lacks something it pauses, and says so once a second', (t) => {
  const paused: (() => void)[] = []
  const { setTimeout } = globalThis
  t.teardown(() => { globalThis.setTimeout = setTimeout })
  globalThis.setTimeout = ((act: () => void, ms: number) => (t.equal(ms, 100), paused.push(act))) as unknown as typeof setTimeout
  for (const [errno, what] of [[24, 'descriptors'], [23, 'descriptors'], [12, 'memory'], [105, 'memory']] as const) {
    const made = make({ accepts: 'many' }, [])
    made.said()
    made.fail(errno)
    made.deliver(0, [LISTENER])
    t.same(made.said(), ['begin', `SY00010: (${errno}) accept: out of ${what}; trying again every 100 ms`, 'remove 5', 'end'])
    paused.shift()!()
    t.same(made.said(), ['add 5'])
    made.pass(999)
    made.deliver(0, [LISTENER])
    t.same(made.said(), ['begin', 'remove 5', 'end'], 'said already')
    paused.shift()!()
    made.pass(1)
    made.deliver(0, [LISTENER])
    t.equal(made.said().filter((text) => text.startsWith('SY00010')).length, 1)
    paused.shift()!()
  }
  const other = make({ accepts: 'many' }, [])
  other.said()
  other.fail(103)
  other.deliver(0, [LISTENER])
  t.same(other.said(), ['begin', 'end'], 'a client that has left already is no reason')
  t.end()
})
