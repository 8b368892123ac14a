/*
 * mod_slotmem_shm: slots of a fixed size that all processes of the server share, for modules that keep a known number of
 * things (the members of a balancer). The memory has no name; a restart begins anew. See ADR 32.
 */
import { registerSlotmem, type Module } from 'httpd'
import { SharedSlots } from './slotmem_shm/slots.ts'

registerSlotmem('shm', (name, slots, bytes, startup) => {
  const map = startup.sharedMemory(`slotmem-${name}`, SharedSlots.bytes(slots, bytes))
  let made: SharedSlots | undefined
  return () => (made ??= new SharedSlots(map(), slots, bytes))
})

export const module = {
  name: 'slotmem_shm_module',
  file: 'mod_slotmem_shm.c',
} satisfies Module
