/* What drivers print is read as they print it: the texts were recorded from runs, and shortened. */
import t from 'tap'
import { parseAb } from '../../bench/drivers/ab.ts'
import { DRIVERS } from '../../bench/drivers/all.ts'
import { parseH2load } from '../../bench/drivers/h2load.ts'
import { parseWrk } from '../../bench/drivers/wrk.ts'

const WRK = `Running 1s test @ http://127.0.0.1:21881/none.txt
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   316.47us  776.70us   8.39ms   94.77%
    Req/Sec    44.56k     4.90k   48.36k    81.82%
  48701 requests in 1.10s, 14.30MB read
  Non-2xx or 3xx responses: 48701
Requests/sec:  44284.06
Transfer/sec:     13.01MB
sum us=1099741 requests=48701 bytes=14999668 connect=0 read=2 write=0 timeout=1 status=48701 p50=158 p99=4361
`

const AB = `This is ApacheBench, Version 2.3 <$Revision$>
Document Length:        1024 bytes

Concurrency Level:      8
Time taken for tests:   1.250 seconds
Complete requests:      28608
Failed requests:        3
   (Connect: 0, Receive: 0, Length: 3, Exceptions: 0)
Write errors:           1
Non-2xx responses:      7
Keep-Alive requests:    28584
Total transferred:      36160392 bytes
Requests per second:    28607.14 [#/sec] (mean)
`
const AB_CSV = 'Percentage served,Time in ms\n0,0.054\n49,0.264\n50,0.267\n99,0.557\n100,8.323\n'

const H2LOAD = `starting benchmark...
spawning thread #0: 8 total client(s). Timing-based test with 0s of warm-up time and 1s of main duration for measurements.
Application protocol: http/1.1

finished in 1.00s, 12302.00 req/s, 14.82MB/s
requests: 12302 total, 12310 started, 12302 done, 12302 succeeded, 0 failed, 4 errored, 0 timeout
status codes: 12290 2xx, 10 3xx, 2 4xx, 0 5xx
traffic: 14.82MB (15539851) total, 2.22MB (2325227) headers (space savings 0.00%), 12.01MB (12597248) data
                     min         max         mean         sd        +/- sd
time for request:       85us      6.82ms       645us       434us    81.30%
`
const H2LOG = '1795273483285967\t200\t1869\n1795273483285973\t200\t700\n1795273483285979\t200\t1897\n'

t.test('wrk: the sums that the script prints', (t) => {
  t.same(parseWrk(WRK), {
    requests: 48701, seconds: 1.099741, bytes: 14999668, good: 0, bad: 48701,
    faults: { connect: 0, read: 2, write: 0, timeout: 1 }, p50: 158, p99: 4361,
  })
  t.throws(() => parseWrk(WRK.replace(/^sum.*$/m, '')), /Cannot read the output of wrk/)
  t.end()
})

t.test('ab: its report and its file of percentiles', (t) => {
  t.same(parseAb(AB, AB_CSV), {
    requests: 28608, seconds: 1.25, bytes: undefined, good: 28601, bad: 7, faults: { failed: 3, write: 1 }, p50: 267, p99: 557,
  })
  t.throws(() => parseAb('apr_socket_recv: Connection refused (111)', AB_CSV), /Cannot read the output of ab/)
  t.throws(() => parseAb(AB, ''), /Cannot read the output of ab/)
  t.end()
})

t.test('h2load: its report and its log', (t) => {
  t.same(parseH2load(H2LOAD, H2LOG, 1), {
    requests: 12302, seconds: 1, bytes: 15539851, good: 12300, bad: 2, faults: { errored: 4, timeout: 0 }, p50: 1869, p99: 1897,
  })
  t.throws(() => parseH2load('', H2LOG, 1), /Cannot read the output of h2load/)
  t.end()
})

t.test('drivers are asked only what they can', (t) => {
  const who = (job: object): string =>
    DRIVERS.filter((driver) => driver.can({ path: '/', connections: 1, status: 200, ...job })).map(({ name }) => name).join(' ')
  t.equal(who({}), 'wrk h2load ab')
  t.equal(who({ close: true }), 'wrk ab')
  t.equal(who({ files: 100 }), 'wrk h2load')
  t.equal(who({ status: 304 }), 'wrk h2load')
  t.end()
})
