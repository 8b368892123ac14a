/*
 * The part of the configuration that this server and Apache read alike, word for word. Only modules that a static file
 * needs are loaded: mod_status, for one, would make Apache keep times of each request.
 */
import type { Features, Place } from '../contract.ts'

export const MODULES = ['authz_core', 'mime', 'dir'] as const

export const SECONDS_KEPT = 600

const logLines = ({ directory }: Place): string[] => [
  'LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined',
  `CustomLog "${directory}/access_log" combined`,
]

export function directives(place: Place, features: Features): string[] {
  const { directory, documents, port, user } = place
  return [
    `ServerRoot "${directory}"`,
    `ServerName 127.0.0.1:${port}`,
    `Listen 127.0.0.1:${port}`,
    ...(user === undefined ? [] : [`User ${user.name}`, `Group ${user.group}`]),
    `PidFile "${directory}/httpd.pid"`,
    `ErrorLog "${directory}/error_log"`,
    'LogLevel warn',
    'KeepAlive On',
    'MaxKeepAliveRequests 0',
    `KeepAliveTimeout ${SECONDS_KEPT}`,
    `Timeout ${SECONDS_KEPT}`,
    'EnableSendfile On',
    'TypesConfig /dev/null',
    'AddType text/plain .txt',
    'DirectoryIndex index.html',
    `DocumentRoot "${documents}"`,
    '<Directory />', 'AllowOverride None', 'Require all denied', '</Directory>',
    `<Directory "${documents}">`, `AllowOverride ${features.overrides === true ? 'All' : 'None'}`,
    'Require all granted', '</Directory>',
    ...(features.log === true ? logLines(place) : []),
  ]
}
