/** The Linux port: a reading list of what it is made of. */
import { allocate, errno, openLibrary, viewOf, watchReadable, type Library } from './native.ts'
import { inotify } from './changes/inotify.ts'
import { linuxFiles } from './linux_files.ts'
import { linuxNet } from './linux_net.ts'
import { linuxHost, linuxShared } from './linux_host.ts'
import { linuxService } from './linux_service.ts'
import type { PollCalls } from './poll/calls.ts'
import type { Changes, PollProvider, Port, Service } from './port.ts'

/** @param poll the backend of this build, best first chosen by configure */
export function linux(poll: (calls: PollCalls) => PollProvider): Port {
  const libc = openLibrary('libc.so.6', 'libc.musl-x86_64.so.1', 'libc.so')
  const system = { call: (declaration: string) => libc.call(declaration), errno, allocate, viewOf }
  let service: Service | undefined
  let changes: Changes | undefined
  return {
    platform: 'linux',
    poll: poll({ call: callsOf(libc), errno, allocate, viewOf, watch: watchReadable, arch: process.arch }),
    net: linuxNet(system),
    files: linuxFiles(system),
    shared: linuxShared(system),
    host: linuxHost(system),
    // Not every server has .htaccess files.
    get changes() {
      return (changes ??= inotify(system))
    },
    // Threads that serve have no use for it: its calls are looked up by whoever asks first.
    get service() {
      return (service ??= linuxService(system))
    },
  }
}

// kqueue's two functions are not in Linux's C library: libkqueue has them.
const callsOf = (libc: Library) => (declaration: string) =>
  /\b(kqueue|kevent)\(/.test(declaration) ? openLibrary('libkqueue.so.0').call(declaration) : libc.call(declaration)
