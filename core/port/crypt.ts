/**
 * crypt(3) of the system's libcrypt: the hashes `$2y$`, `$5$`, `$6$`, `$y$`, DES and whatever else it knows. Called
 * directly, so it takes the thread's time: some 2 ms to half a second for bcrypt, by its cost. See ADR 23.
 */
import { allocate, openLibrary, viewOf, type NativeCall } from './native.ts'
import type { Memory } from './port.ts'

/** @returns the hash, or undefined if the library does not take the setting */
export type Crypt = (key: string, setting: string) => string | undefined

/** `struct crypt_data`: 32 KiB in libxcrypt, 128 KiB and some in the GNU C library of old. */
const STATE_BYTES = 160 * 1024
/** Longer than any hash, salt and setting included (CRYPT_OUTPUT_SIZE of libxcrypt). */
const OUTPUT_BYTES = 384
/** CRYPT_MAX_PASSPHRASE_SIZE of libxcrypt; it refuses longer ones. */
const KEY_BYTES = 512

let opened: Crypt | null | undefined

/** The library, opened once for each thread; undefined where there is none. */
export function systemCrypt(): Crypt | undefined {
  if (opened === undefined) opened = open() ?? null
  return opened ?? undefined
}

function open(): Crypt | undefined {
  try {
    const library = openLibrary('libcrypt.so.1', 'libcrypt.so.2', 'libcrypt.so')
    return cryptBy(library.call('uintptr_t crypt_r(uintptr_t key, uintptr_t setting, uintptr_t state)'))
  } catch {
    return undefined
  }
}

function cryptBy(call: NativeCall): Crypt {
  const state = allocate(STATE_BYTES)
  const key = allocate(KEY_BYTES)
  const setting = allocate(OUTPUT_BYTES)
  return (text, how) => {
    if (text.length >= KEY_BYTES || how.length >= OUTPUT_BYTES || how === '') return undefined
    // All of it: what an earlier call has left there is nobody's business.
    state.bytes.fill(0)
    const output = call(place(key, text), place(setting, how), state.address)
    key.bytes.fill(0)
    if (output === 0) return undefined
    const bytes = Buffer.from(viewOf(output, OUTPUT_BYTES))
    const hash = bytes.toString('latin1', 0, bytes.indexOf(0))
    // Its way to say no, which is never the same as the setting.
    return hash.startsWith('*') ? undefined : hash
  }
}

/** A C string; answers its address. */
function place({ bytes, address }: Memory, text: string): number {
  bytes[bytes.write(text, 'latin1')] = 0
  return address
}
