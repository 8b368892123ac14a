/* What is made of raw figures: medians, ratios, what /proc says, what is refused. */
import t from 'tap'
import { aloneMib, cpuSeconds, parseRollup, statFields } from '../../bench/measure/family.ts'
import { parseAnswer, requestText } from '../../bench/measure/probe.ts'
import { faultOf } from '../../bench/measure/rounds.ts'
import { median, medians, ratio } from '../../bench/measure/stats.ts'

t.test('median is the middle, or between the two in the middle', (t) => {
  t.equal(median([]), undefined)
  t.equal(median([3]), 3)
  t.equal(median([10, 1, 2]), 2)
  t.equal(median([4, 1, 10, 2]), 3)
  t.same(medians([{ cpu: 3, rate: 10 }, { cpu: 1 }, { cpu: 2, rate: 30 }]), { cpu: 2, rate: 20 })
  t.same(medians([]), {})
  t.end()
})

t.test('ratio of what there is', (t) => {
  t.equal(ratio(3, 4), 0.75)
  t.equal(ratio(undefined, 4), undefined)
  t.equal(ratio(3, undefined), undefined)
  t.equal(ratio(3, 0), undefined)
  t.end()
})

t.test('processor time is that of a process and of its reaped children', (t) => {
  const line = '4711 (httpd: (a) b) S 1 4711 4711 0 -1 4194560 2317 0 0 0 150 50 20 5 20 0 7 0 8123 11 22\n'
  t.equal(statFields(line)[1], '1', 'the parent')
  t.equal(cpuSeconds(statFields(line)), 2.25)
  t.equal(cpuSeconds(statFields('')), 0, 'a process that has ended')
  t.end()
})

t.test('memory: PSS and what is private', (t) => {
  const text = '5581a-7ffd9 ---p 00000000 00:00 0 [rollup]\nRss:  4096 kB\nPss:  3072 kB\nPss_Anon:  512 kB\n' +
    'Private_Clean:  1024 kB\nPrivate_Dirty:  512 kB\n'
  t.same(parseRollup(text), { pss: 3, private: 1.5 })
  t.end()
})

t.test('memory of processes that are alone: a piece of a file counts once', (t) => {
  const map = (start: string, offset: string, inode: string, rss: number, own: number): string =>
    `${start}-${start}fff r-xp ${offset} fe:00 ${inode}   /usr/bin/node\nRss: ${rss} kB\nPrivate_Clean: ${own} kB\nPrivate_Dirty: 0 kB\n`
  const one = map('1000', '0', '77', 2048, 0) + map('2000', '1000', '77', 1024, 512)
  const two = map('1000', '0', '77', 3072, 0) + map('9000', '0', '78', 1024, 1024)
  t.equal(aloneMib([one]), 3)
  t.equal(aloneMib([one, two]), 3 + 0.5 + 0.5 + 1)
  t.end()
})

t.test('an answer is whole when its length says so, or the connection ends', (t) => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n'
  t.equal(parseAnswer('HTTP/1.1 200 OK\r\nContent-', false), undefined)
  t.equal(parseAnswer(`${head}ab`, false), undefined)
  t.equal(parseAnswer(`${head}ab`, true), undefined, 'cut short')
  t.same(parseAnswer(`${head}abc`, false), { status: 200, body: 'abc', size: head.length + 3, ended: false })
  t.equal(parseAnswer('HTTP/1.1 200 OK\r\n\r\nabc', false), undefined)
  t.equal(parseAnswer('HTTP/1.1 200 OK\r\n\r\nabc', true)?.body, 'abc')
  t.equal(parseAnswer('HTTP/1.1 304 Not Modified\r\nContent-Length: 1024\r\n\r\n', false)?.body, '')
  t.equal(parseAnswer('nonsense\r\n\r\n', true)?.status, 0)
  t.end()
})

t.test('the request is the one that drivers send', (t) => {
  const job = { path: '/a', connections: 1, status: 200 }
  t.equal(requestText(80, job), 'GET /a HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n')
  t.equal(requestText(80, { ...job, headers: ['A: b'], close: true }),
    'GET /a HTTP/1.1\r\nHost: 127.0.0.1:80\r\nA: b\r\nConnection: close\r\n\r\n')
  t.end()
})

t.test('a measurement with a wrong answer is refused', (t) => {
  const job = { path: '/', connections: 2, status: 200 }
  const seen = { requests: 10, seconds: 1, bytes: 1000, good: 10, bad: 0, faults: { read: 0 }, p50: 1, p99: 1 }
  t.equal(faultOf(seen, job, 100), undefined)
  t.equal(faultOf({ ...seen, bytes: 1200 }, job, 100), undefined, 'two answers are under way')
  t.equal(faultOf({ ...seen, bytes: undefined }, job, 100), undefined)
  t.match(faultOf({ ...seen, requests: 0 }, job, 100), /no request/)
  t.equal(faultOf({ ...seen, faults: { read: 0, timeout: 3 } }, job, 100), '3 (timeout) of 10 requests failed')
  t.match(faultOf({ ...seen, good: 9, bad: 1 }, job, 100), /1 of 10 answers have a status from 400 up/)
  t.match(faultOf(seen, { ...job, status: 404 }, 100), /10 of 10 answers have a status below 400/)
  t.match(faultOf({ ...seen, bytes: 999 }, job, 100), /999 bytes came/)
  t.match(faultOf({ ...seen, bytes: 1201 }, job, 100), /1201 bytes came/)
  t.end()
})
