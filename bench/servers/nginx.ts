/* nginx with one worker. What has no line here is at its default: no open_file_cache, no gzip. */
import type { Features, Place, Server } from '../contract.ts'
import { SECONDS_KEPT } from './directives.ts'
import { versionOf } from './programs.ts'

/** Descriptors besides those of connections. */
const OTHERS = 100

/** nginx ends kept connections, with requests on their way, when fewer than a sixteenth of all are free. */
const room = (connections: number): number => Math.ceil(connections * 1.125) + OTHERS

function configuration({ directory, documents, port, user }: Place, { connections, log = false }: Features): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    'daemon off;',
    'worker_processes 1;',
    `worker_rlimit_nofile ${room(connections) + OTHERS};`,
    ...(user === undefined ? [] : [`user ${user.name} ${user.group};`]),
    `pid ${directory}/nginx.pid;`,
    `error_log ${directory}/error_log warn;`,
    'events {', `  worker_connections ${room(connections)};`, '}',
    'http {',
    '  types { text/plain txt; }',
    '  default_type application/octet-stream;',
    '  sendfile on;',
    '  keepalive_requests 4000000000;',
    `  keepalive_timeout ${SECONDS_KEPT}s;`,
    log ? `  access_log ${directory}/access_log combined;` : '  access_log off;',
    '  log_not_found off;',
    ...temporary.map((name) => `  ${name}_temp_path ${directory}/${name};`),
    '  server {', `    listen 127.0.0.1:${port};`, `    root ${documents};`, '  }',
    '}', '',
  ].join('\n')
}

export const nginx: Server = {
  name: 'nginx',
  knows: ['connections', 'log'],
  warmUp: 1,
  version: () => versionOf('nginx', ['-v'], /nginx\/(\S+)/),
  home: () => Promise.resolve(''),
  configuration,
  command: ({ directory }, file) => ['nginx', '-p', directory, '-e', `${directory}/error_log`, '-c', file],
}
