/** mod_slotmem_shm: slots are had by one at a time, and do not overlap. */
import t from 'tap'
import { slotmemProvider } from 'httpd'
import { SharedSlots } from '../../modules/slotmem_shm/slots.ts'
import { module } from '../../modules/mod_slotmem_shm.ts'
import { configure, fakeServer, fakeStartup } from './harness.ts'

t.test('slots', (t) => {
  const memory = new ArrayBuffer(SharedSlots.bytes(3, 20))
  const [here, there] = [new SharedSlots(memory, 3, 20), new SharedSlots(memory, 3, 20)]
  t.equal(here.grab(), 0)
  t.equal(there.grab(), 1)
  t.equal(there.take(1), false)
  t.equal(here.take(2), true)
  t.equal(here.grab(), undefined)
  t.ok(there.release(1))
  t.notOk(here.release(1))
  t.notOk(here.inUse(1))
  t.equal(here.take(3), false)
  t.equal(here.inUse(-1), false)
  for (let slot = 0; slot < 3; slot++) for (let at = 0; at < 20; at++) here.view(slot).setUint8(at, 16 * slot + at)
  for (let slot = 0; slot < 3; slot++) for (let at = 0; at < 20; at++) t.equal(there.view(slot).getUint8(at), (16 * slot + at) & 255)
  t.notOk(here.inUse(1), 'slots are behind the words')
  t.throws(() => here.view(3), /there are 3 slots, and no number 3/)
  t.equal(here.view(1).byteOffset % 8, 0)
  t.end()
})

t.test('the provider', (t) => {
  t.equal(module.name, 'slotmem_shm_module')
  const startup = fakeStartup(fakeServer(configure([], '').conf))
  const open = slotmemProvider('shm')!('balancer', 2, 8, startup)
  t.equal(open().grab(), 0)
  t.equal(open().grab(), 1)
  t.equal(open().slotBytes, 8)
  t.end()
})
