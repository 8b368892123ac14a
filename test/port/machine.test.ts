/* What the machine offers, read from files as the kernel writes them. */
import t from 'tap'
import { machine, machineOf } from '../../core/port/machine.ts'

const GIB = 1024 ** 3
const whole = { cores: 8, memory: 16 * GIB }
const over = (files: Readonly<Record<string, string>>) => machineOf((path) => files[path], whole)

t.test('machineOf()', (t) => {
  t.same(over({}), { cores: 8, processors: 8, memory: 16 * GIB, memoryLimited: false, longestBacklog: Infinity },
    'nothing is known: the whole machine')
  t.match(over({ '/proc/sys/net/core/somaxconn': '4096\n' }), { longestBacklog: 4096 })

  const unified = { '/proc/self/cgroup': '0::/web.slice/httpd.service\n' }
  t.match(over({
    ...unified,
    '/sys/fs/cgroup/web.slice/httpd.service/cpu.max': '150000 100000\n',
    '/sys/fs/cgroup/web.slice/httpd.service/memory.max': `${GIB}\n`,
  }), { processors: 1.5, memory: GIB, memoryLimited: true })
  t.match(over({
    ...unified,
    '/sys/fs/cgroup/web.slice/cpu.max': '200000 100000\n', '/sys/fs/cgroup/web.slice/memory.max': `${2 * GIB}\n`,
    '/sys/fs/cgroup/web.slice/httpd.service/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/web.slice/httpd.service/memory.max': 'max\n',
  }), { processors: 2, memory: 2 * GIB, memoryLimited: true }, 'limits of the groups around it hold as well')
  t.match(over({ '/proc/self/cgroup': '0::/../../x\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' }), { processors: 0.5 },
    'in a container its own group is at the top')
  t.match(over({ ...unified, '/sys/fs/cgroup/web.slice/httpd.service/cpu.max': '3200000 100000\n' }), { processors: 8 },
    'a quota above what there is')

  const old = { '/proc/self/cgroup': '4:memory:/a/b\n3:cpuset:/\n1:cpu,cpuacct:/a\n0::/\n' }
  t.match(over({
    ...old,
    '/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': `${4 * GIB}\n`,
    '/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '25000\n',
    '/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000\n',
  }), { processors: 0.25, memory: 4 * GIB, memoryLimited: true }, 'version 1')
  t.match(over({ ...old, '/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '-1\n', '/sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n' }),
    { processors: 8, memory: 16 * GIB, memoryLimited: false }, 'no quota')
  t.end()
})

t.test('machine()', (t) => {
  const { cores, processors, memory } = machine()
  t.ok(Number.isInteger(cores) && cores >= 1)
  t.ok(processors > 0 && processors <= cores)
  t.ok(memory > 64 * 1024 * 1024)
  t.end()
})
