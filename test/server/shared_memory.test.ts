// Memory for modules: what has one name in two sizes is not one memory.
import t from 'tap'
import { sharedMemory } from '../../core/server/shared_memory.ts'

t.test('who asks for more under the same name does not map less', (t) => {
  const made: string[] = []
  const descriptor = (name: string): number => made.includes(name) ? made.indexOf(name) : made.push(name) - 1
  for (const bytes of [4096, 8192, 4096]) sharedMemory(descriptor, undefined, 'x', bytes)
  t.equal(made.length, 2)
  t.end()
})
