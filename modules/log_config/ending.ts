/*
 * Lines that a thread has not written yet when it ends. A child that is told to finish says so to each of its threads
 * by `exit`. SIGTERM would end it in the middle of whatever it does: where lines are kept for a while (BufferedLogs),
 * its main thread asks the others for theirs first.
 */
import { BroadcastChannel } from 'node:worker_threads'

/** How long (ms) the others may take: one whose handler blocks does not answer. */
const PATIENCE = 200

const CHANNEL = 'mod_log_config'

interface Word {
  readonly data: 'here' | 'write' | 'written'
}

/** @param flush writes what waits @param kept lines may wait longer than for the end of a turn */
export function flushWhenEnded(flush: () => void, kept: boolean, isMain: boolean): void {
  process.on('exit', flush)
  if (!kept) return
  const channel = new BroadcastChannel(CHANNEL)
  channel.unref()
  if (isMain) return endWithOthers(flush, channel)
  channel.onmessage = ({ data }: Word) => {
    if (data !== 'write') return
    flush()
    channel.postMessage('written')
  }
  channel.postMessage('here')
}

function endWithOthers(flush: () => void, channel: BroadcastChannel): void {
  let others = 0
  channel.onmessage = ({ data }: Word) => {
    if (data === 'here') others++
    else if (data === 'written' && --others === 0) end()
  }
  const end = () => {
    flush()
    process.removeAllListeners('SIGTERM')
    process.kill(process.pid, 'SIGTERM')
  }
  process.once('SIGTERM', () => {
    if (others === 0) return end()
    channel.postMessage('write')
    setTimeout(end, PATIENCE)
  })
}
