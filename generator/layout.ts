/*
 * Where an installed server keeps its parts: the named layouts of Apache's config.layout, and how their values,
 * the directory options and ${…} become paths. Pure.
 */
import { UserError } from './error.ts'

/** The directories of an installation, in the order in which they may refer to each other. */
export const directoryNames = [
  'prefix', 'exec_prefix', 'bindir', 'sbindir', 'libdir', 'libexecdir', 'mandir', 'sysconfdir', 'datadir',
  'installbuilddir', 'errordir', 'iconsdir', 'htdocsdir', 'manualdir', 'cgidir', 'includedir', 'localstatedir',
  'runtimedir', 'logfiledir', 'proxycachedir',
] as const
export type DirectoryName = (typeof directoryNames)[number]
export type Directories = Readonly<Record<DirectoryName, string>>

/** What every layout starts from; a layout lists only what differs. A final `+` adds /apache2. */
const common: Record<DirectoryName, string> = {
  prefix: '/usr/local', exec_prefix: '${prefix}', bindir: '${exec_prefix}/bin', sbindir: '${exec_prefix}/sbin',
  libdir: '${exec_prefix}/lib', libexecdir: '${exec_prefix}/libexec', mandir: '${prefix}/man',
  sysconfdir: '${prefix}/etc+', datadir: '${prefix}/share+', installbuilddir: '${datadir}/build',
  errordir: '${datadir}/error', iconsdir: '${datadir}/icons', htdocsdir: '${datadir}/htdocs',
  manualdir: '${datadir}/manual', cgidir: '${datadir}/cgi-bin', includedir: '${prefix}/include+',
  localstatedir: '${prefix}/var+', runtimedir: '${localstatedir}/run', logfiledir: '${localstatedir}/log',
  proxycachedir: '${localstatedir}/proxy',
}

/** Programs, modules, configuration and data directly below one prefix. */
const compact = {
  sbindir: '${exec_prefix}/bin', libexecdir: '${exec_prefix}/modules', sysconfdir: '${prefix}/conf',
  datadir: '${prefix}', includedir: '${prefix}/include', localstatedir: '${prefix}',
  runtimedir: '${localstatedir}/logs', logfiledir: '${localstatedir}/logs',
} as const

/** The file system of the Linux distributions that keep a web tree in /var/www. */
const redhat = {
  prefix: '/usr', bindir: '${prefix}/bin', sbindir: '${prefix}/sbin', libdir: '${prefix}/lib',
  libexecdir: '${prefix}/lib/apache', sysconfdir: '/etc/httpd/conf', datadir: '/var/www',
  htdocsdir: '${datadir}/html', includedir: '${prefix}/include/apache', localstatedir: '/var',
  logfiledir: '${localstatedir}/log/httpd', proxycachedir: '${localstatedir}/cache/httpd',
} as const

/** The layouts by name, in the order of Apache's file. */
export const layouts: Readonly<Record<string, Readonly<Partial<Record<DirectoryName, string>>>>> = {
  Apache: { ...compact, prefix: '/usr/local/apache2' },
  GNU: {},
  'Mac OS X Server': {
    prefix: '/Local/Library/WebServer', exec_prefix: '/usr', sbindir: '${exec_prefix}/sbin',
    libexecdir: '${exec_prefix}/libexec/apache', mandir: '${exec_prefix}/share/man',
    sysconfdir: '${prefix}/Configuration',
    datadir: '${prefix}', htdocsdir: '${datadir}/Documents', cgidir: '${datadir}/CGI-Executables',
    includedir: '${exec_prefix}/include/apache', localstatedir: '/var', logfiledir: '${localstatedir}/log/httpd',
    runtimedir: '${prefix}/Logs', proxycachedir: '${localstatedir}/proxy',
  },
  Darwin: {
    prefix: '/usr', libexecdir: '${exec_prefix}/libexec/apache2', mandir: '${prefix}/share/man',
    datadir: '/Library/WebServer', sysconfdir: '/etc/apache2', installbuilddir: '${prefix}/share/httpd/build',
    errordir: '${prefix}/share/httpd/error', iconsdir: '${prefix}/share/httpd/icons', htdocsdir: '${datadir}/Documents',
    manualdir: '${prefix}/share/httpd/manual', cgidir: '${datadir}/CGI-Executables',
    includedir: '${prefix}/include/apache2', localstatedir: '/var', logfiledir: '${localstatedir}/log/apache2',
  },
  RedHat: redhat,
  Fedora: {
    ...redhat, libexecdir: '${libdir}/httpd/modules', mandir: '${prefix}/share/man',
    installbuilddir: '${libdir}/httpd/build', errordir: '${prefix}/share/httpd/error',
    iconsdir: '${prefix}/share/httpd/icons', manualdir: '${prefix}/share/httpd/manual',
    includedir: '${prefix}/include/httpd', runtimedir: '/run/httpd',
    proxycachedir: '${localstatedir}/cache/httpd/proxy',
  },
  opt: {
    prefix: '/opt/apache', sysconfdir: '/etc${prefix}', datadir: '${prefix}/share', localstatedir: '/var${prefix}',
    includedir: '${prefix}/include', runtimedir: '${localstatedir}/run', logfiledir: '${localstatedir}/logs',
  },
  SuSE: {
    prefix: '/usr', libdir: '${prefix}/lib', libexecdir: '${prefix}/lib/apache', mandir: '${prefix}/share/man',
    sysconfdir: '/etc/httpd', datadir: '/usr/local/httpd', includedir: '${prefix}/include/apache',
    localstatedir: '/var', logfiledir: '${localstatedir}/log/httpd', proxycachedir: '${localstatedir}/cache/httpd',
  },
  BSDI: {
    ...compact, prefix: '/var/www', exec_prefix: '/usr/contrib', libexecdir: '${exec_prefix}/libexec/apache',
    mandir: '${exec_prefix}/man', includedir: '${exec_prefix}/include/apache', localstatedir: '/var',
    runtimedir: '${localstatedir}/run', logfiledir: '${localstatedir}/log/httpd',
  },
  Solaris: {
    prefix: '/usr/apache2', sbindir: '${exec_prefix}/bin', sysconfdir: '/etc/apache2', datadir: '/var/apache2',
    manualdir: '${prefix}/manual', includedir: '${prefix}/include', localstatedir: '/var/apache2',
    runtimedir: '/var/run/apache2', logfiledir: '${localstatedir}/logs',
  },
  OpenBSD: {
    ...compact, prefix: '/var/www', exec_prefix: '/usr', sbindir: '${exec_prefix}/sbin',
    libexecdir: '${exec_prefix}/lib/apache/modules', mandir: '${exec_prefix}/share/man',
    includedir: '${exec_prefix}/include/apache',
  },
  FreeBSD: {
    libexecdir: '${exec_prefix}/libexec/apache2', sysconfdir: '${prefix}/etc/apache2', datadir: '${prefix}/www/apache2',
    errordir: '${datadir}/error', localstatedir: '/var', logfiledir: '${localstatedir}/log',
    includedir: '${prefix}/include/apache2', manualdir: '${prefix}/share/doc/apache2',
  },
  Debian: {
    prefix: '', exec_prefix: '${prefix}/usr', libexecdir: '${exec_prefix}/lib/apache2/modules',
    mandir: '${exec_prefix}/share/man', sysconfdir: '${prefix}/etc/apache2', datadir: '${exec_prefix}/share/apache2',
    htdocsdir: '${datadir}/default-site/htdocs', cgidir: '${prefix}/usr/lib/cgi-bin',
    manualdir: '${exec_prefix}/share/doc/apache2-doc/manual', includedir: '${exec_prefix}/include/apache2',
    localstatedir: '${prefix}/var', runtimedir: '${localstatedir}/run/apache2',
    logfiledir: '${localstatedir}/log/apache2', proxycachedir: '${localstatedir}/cache/apache2/proxy',
  },
  RPM: {
    ...redhat, libexecdir: '${libdir}/httpd/modules', mandir: '${prefix}/share/man',
    installbuilddir: '${libdir}/httpd/build', includedir: '${prefix}/include/httpd',
    runtimedir: '${localstatedir}/run/httpd',
  },
  AIX: {
    prefix: '/opt/httpd', libexecdir: '${prefix}/libexec', mandir: '/usr/share/man', sysconfdir: '/etc/httpd',
    datadir: '/var/httpd', includedir: '${prefix}/include', localstatedir: '/var/httpd',
    runtimedir: '${localstatedir}/run', logfiledir: '${localstatedir}/logs',
  },
  'Slackware-FHS': {
    prefix: '/usr', libexecdir: '/usr/lib/apache2/modules', sysconfdir: '/etc/apache2', datadir: '/srv/httpd',
    cgidir: '/srv/httpd/cgi-bin', includedir: '/usr/include/apache2', localstatedir: '/var',
    runtimedir: '${localstatedir}/run', logfiledir: '${localstatedir}/log/apache2',
    proxycachedir: '${localstatedir}/cache/apache2',
  },
  OpenWrt: {
    prefix: '/usr', libexecdir: '${libdir}/apache2', sysconfdir: '/etc/apache2', datadir: '/usr/share',
    errordir: '${datadir}/errordir', iconsdir: '${datadir}/icons', htdocsdir: '${datadir}/htdocs',
    includedir: '${prefix}/include/apache2', localstatedir: '/var', runtimedir: '${localstatedir}/run/apache2',
    logfiledir: '${localstatedir}/log/apache2', proxycachedir: '${localstatedir}/cache/apache2',
  },
}

/** Replaces ${name} by the value of a directory that is known already. */
export function expand(value: string, known: Readonly<Record<string, string>>): string {
  return value.replace(/\$\{?([a-z_]+)\}?/g, (whole, name: string) => known[name] ?? whole)
}

/** Apache's rule for a final `+`: /apache2 is added unless the path names apache already. */
function plus(value: string, known: Readonly<Record<string, string>>): string {
  if (!value.endsWith('+')) return value
  const bare = value.slice(0, -1)
  return expand(bare, known).includes('apache') ? bare : `${bare}/apache2`
}

/** The directories of a layout as written (`raw`, with ${…}) and as paths. Options go before the layout's values. */
export function directoriesOf(
  layout: string, options: Readonly<Record<string, string>>,
): { readonly raw: Directories; readonly paths: Directories } {
  const own = Object.hasOwn(layouts, layout) ? layouts[layout] : undefined
  if (own === undefined) {
    throw new UserError(`unable to find layout ${layout}`, [`the layouts are: ${Object.keys(layouts).join(', ')}`])
  }
  const raw: Record<string, string> = {}
  const paths: Record<string, string> = {}
  const asWritten: Record<string, string> = { ...common, ...own }
  for (const name of directoryNames) {
    raw[name] = options[name] ?? plus(asWritten[name]!, paths)
    paths[name] = expand(raw[name], paths)
  }
  return { raw: raw as Directories, paths: paths as Directories }
}
