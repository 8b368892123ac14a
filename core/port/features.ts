/*
 * The names of what a platform can offer. configure asks for each of them, the catalogs say which they need,
 * and the build information reports them. Plain data: nothing here asks the platform anything.
 */

/** What configure can find out about a platform. */
export type Feature =
  | 'forking' // a process can be started with inherited descriptors (not Windows, not OS/2, not NetWare)
  | 'native_calls' // koffi loads and calls the C library
  | 'threads' // a worker thread starts and shares memory
  | 'threadsafe_pollset' // one poll set may be waited on and changed by several threads
  | 'epoll'
  | 'kqueue' // in the C library
  | 'libkqueue' // kqueue on Linux, through libkqueue.so.0
  | 'port_create' // event ports of Solaris
  | 'eventfd'
  | 'sendfile'
  | 'accept4'
  | 'reuseport' // SO_REUSEPORT: two sockets bound to one port
  | 'shared_memory' // an anonymous mapping that a child process sees
  | 'io_uring'
  | 'pcre2' // the library libpcre2-8
  | 'zstd' // node:zlib has it: Node.js 22.15 and 23.8 on
