/* mod_echo: a server that sends back what it is sent, line by line: for tests of connections. */
import { flag, RSRC_CONF, Settings, type Connection, type Module, type Talk } from 'httpd'

const echo = new Settings('server', { enabled: false })

/** Of a line that is longer a part is sent back before its end has come. */
const LONGEST_LINE = 8192
const LF = 0x0a

export const talk = (_: Connection): Talk => ({
  hear(bytes, ended) {
    const lines = bytes.lastIndexOf(LF) + 1
    const used = ended || bytes.length - lines > LONGEST_LINE ? bytes.length : lines
    return { used, answer: bytes.subarray(0, used) }
  },
})

export const module = {
  name: 'echo_module',
  file: 'mod_echo.c',
  settings: [echo],
  directives: [
    echo.directive('ProtocolEcho', [flag], 'enabled', RSRC_CONF, 'Run an echo server on this host'),
  ],
  register({ processConnection }, on) {
    on(processConnection, (server) => server.get(echo).enabled ? talk : undefined)
  },
} satisfies Module
