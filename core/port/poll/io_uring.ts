/**
 * The poller for Linux with io_uring: readiness comes from epoll, whose set any thread may change; answers of a turn
 * leave through a ring, in one system call (docs/adr/0020-answers-leave-through-a-ring.md says why no more than that).
 */
import { Errno, type PollProvider, type SendRing } from '../port.ts'
import type { PollCalls } from './calls.ts'
import { epoll } from './epoll.ts'
import { CQE, openRings, SQE } from './io_uring_rings.ts'

const OP_SEND = 26
const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000
const ENTER_GETEVENTS = 1
const WORD = 4
// struct io_uring_sqe in words: u8 opcode …; s32 fd; u64 off; u64 addr; u32 len; u32 msg_flags; u64 user_data; …
const SQE_WORDS = SQE / WORD, OPCODE = 0, FD = 1, ADDRESS = 4, LENGTH = 6, SEND_FLAGS = 7, USER_DATA = 8
// struct io_uring_cqe in words: u64 user_data; s32 res; u32 flags
const CQE_WORDS = CQE / WORD, RESULT = 2
/** Sends in one call at most: with more, little more is saved, and the first of them waits longer. */
const SENDS = 64
const TWO_32 = 0x100000000

export const io_uring = (calls: PollCalls): PollProvider => ({
  ...epoll(calls),
  method: 'io_uring',
  openSends: () => openSends(calls),
})

function openSends(calls: PollCalls): SendRing {
  const rings = openRings(calls, SENDS)
  const { words, entries, sqMask, cqMask } = rings
  const results = new Int32Array(SENDS)
  let tail = 0
  let answered = 0
  let waiting = 0

  // Sockets that cannot take it answer so at once (MSG_DONTWAIT): no answer is out for long.
  const takeAnswers = (count: number): void => {
    for (let left = count; left > 0;) {
      const end = Atomics.load(words, rings.cqTail)
      for (; answered !== end; answered = (answered + 1) | 0, left--) {
        const at = rings.cqes + (answered & cqMask) * CQE_WORDS
        results[words[at]!] = words[at + RESULT]!
      }
      Atomics.store(words, rings.cqHead, answered)
      if (left > 0) rings.enter(0, left, ENTER_GETEVENTS)
    }
  }

  return {
    size: SENDS,
    results,
    add(fd, from, offset, length) {
      const at = (tail & sqMask) * SQE_WORDS
      const address = from.address + offset
      entries[at + OPCODE] = OP_SEND
      entries[at + FD] = fd
      entries[at + ADDRESS] = address | 0
      entries[at + ADDRESS + 1] = (address / TWO_32) | 0
      entries[at + LENGTH] = length
      entries[at + SEND_FLAGS] = MSG_DONTWAIT | MSG_NOSIGNAL
      entries[at + USER_DATA] = waiting++
      tail = (tail + 1) | 0
    },
    submit() {
      const count = waiting
      waiting = 0
      Atomics.store(words, rings.sqTail, tail)
      const taken = Math.max(0, rings.enter(count, 0, 0))
      if (taken < count) {
        // The kernel lacks memory: what it did not look at is as if the sockets were full.
        tail = (tail - (count - taken)) | 0
        Atomics.store(words, rings.sqTail, tail)
        results.fill(-Errno.again, taken, count)
      }
      takeAnswers(taken)
      return count
    },
    close: () => rings.close(),
  }
}
