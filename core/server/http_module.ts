/** HTTP as a module (http_core.c): how long connections are kept for further requests. */
import { atoi, parsed } from '../config/args.ts'
import { RSRC_CONF } from '../config/where.ts'
import type { Module } from '../hook/module.ts'
import { serverCore } from './core_settings.ts'
import { duration } from './directive_values.ts'

/** Off and 0 say no; everything else says yes, because this once was a number. */
const kept = parsed((text) => text.toLowerCase() !== 'off' && text !== '0')

export const http = {
  name: 'http_module',
  file: 'http_core.c',
  directives: [
    serverCore.directive('KeepAlive', [kept], 'keepAlive', RSRC_CONF,
      'Whether connections are kept for further requests'),
    serverCore.directive('MaxKeepAliveRequests', [atoi], 'maxKeepAliveRequests', RSRC_CONF,
      'Most requests on one connection (0 = no limit)'),
    serverCore.directive('KeepAliveTimeout', [duration('KeepAliveTimeout')], 'keepAliveTimeout', RSRC_CONF,
      'How long a connection waits for the next request, in seconds or with ms'),
  ],
} satisfies Module
