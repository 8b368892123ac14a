// What a supervised process asks of the real kernel.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { linux } from '../../core/port/linux.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import { Errno } from '../../core/port/port.ts'
import { lookUpAccount } from '../../core/server/accounts.ts'
import { zombiesOf } from '../../core/server/orphans.ts'
import { listeningSocket, receiveAt, socketPath } from '../support/datagrams.ts'
import { until } from '../support/processes.ts'

const port = linux(epoll)
const { service } = port

t.test('datagrams, to a path and to an abstract name', (t) => {
  for (const address of [socketPath(t), `@httpd-test-${process.pid}`]) {
    const receiver = receiveAt(t, address)
    const sender = service.datagram(address)
    t.equal(sender.send('READY=1\nSTATUS=ü\n'), 18)
    t.same(receiver.all(), ['READY=1\nSTATUS=ü\n'])
    receiver.close()
    t.ok(sender.send('x') < 0, 'nobody is there any more: an answer, no exception and no signal')
    sender.close()
  }
  t.throws(() => service.datagram(join(tmpdir(), 'httpd-none')), /No such file or directory/)
  t.throws(() => service.datagram(`/${'x'.repeat(107)}`), /File name too long/)
  t.end()
})

t.test('where a socket listens', (t) => {
  const v4 = listeningSocket(t, '127.0.0.1', 0)
  t.match(service.listeningAt(v4), { address: '127.0.0.1', port: Number })
  const file = openSync('/dev/null', 'r')
  t.equal(service.listeningAt(file), undefined, 'no socket')
  closeSync(file)
  t.equal(service.listeningAt(file), undefined, 'no descriptor')
  service.prepareInherited(v4)
  t.equal(port.net.accept(v4), -Errno.again, 'it does not block')
  t.end()
})

t.test('a child that libuv does not know', async (t) => {
  // The shell's child becomes nobody's when the shell ends: here it goes to process 1, so only the answers are tested.
  t.equal(service.reap(1), -10, 'ECHILD: none of ours')
  const child = spawn('sleep', ['5'], { stdio: 'ignore' })
  await once(child, 'spawn')
  t.equal(service.reap(child.pid!), 0, 'it runs')
  t.same(zombiesOf(process.pid), [])
  child.kill('SIGKILL')
  await until('libuv to reap it', () => child.signalCode === 'SIGKILL')
  t.same(zombiesOf(process.pid), [])
})

t.test('all groups of a user', (t) => {
  const daemon = lookUpAccount('passwd', 'daemon') ?? lookUpAccount('passwd', 0)!
  const groups = service.groupsOf(daemon.name, 12345)
  t.ok(groups.includes(12345), 'the one that was given')
  t.equal(new Set(groups).size, groups.length)
  t.end()
})

t.test('a receiver that does not read', (t) => {
  const address = `@httpd-test-full-${process.pid}`
  const receiver = receiveAt(t, address)
  const sender = service.datagram(address)
  let sent = 0
  let answer = 1
  while (sent < 100_000 && (answer = sender.send('x')) > 0) sent++
  t.equal(answer, -Errno.again, 'an answer, at once')
  t.equal(receiver.all().length, sent)
  t.equal(sender.send('x'), 1, 'later there is room again')
  sender.close()
  t.end()
})
