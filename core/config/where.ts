/**
 * Where a directive may stand, and which AllowOverride class lets .htaccess use it.
 * The values are Apache's req_override bits under their own names.
 */
export type Override = 'AuthConfig' | 'FileInfo' | 'Indexes' | 'Limit' | 'Options'

export interface Where {
  /** Outside of sections and in <VirtualHost>: RSRC_CONF. */
  readonly rsrc: boolean
  /** Inside <Directory>, <Files>, <Location>, <If>: ACCESS_CONF. */
  readonly access: boolean
  /** In .htaccess, if AllowOverride grants one of these classes: OR_*. */
  readonly overrides: readonly Override[]
  /** Not inside <VirtualHost>: the text is `X cannot occur within <VirtualHost> section`. */
  readonly globalOnly?: boolean
  /** Runs while the file is read, so it works inside any section: EXEC_ON_READ. */
  readonly early?: boolean
}

export const RSRC_CONF: Where = { rsrc: true, access: false, overrides: [] }
export const GLOBAL_ONLY: Where = { ...RSRC_CONF, globalOnly: true }
export const ACCESS_CONF: Where = { rsrc: false, access: true, overrides: [] }
export const RSRC_AND_ACCESS: Where = { rsrc: true, access: true, overrides: [] }
export const EXEC_ON_READ: Where = { rsrc: true, access: true, overrides: [], early: true }

/** OR_AUTHCFG, OR_LIMIT: inside sections and .htaccess; OR_OPTIONS, OR_FILEINFO, OR_INDEXES: everywhere. */
export const allowedBy = (...overrides: Override[]): Where => ({
  rsrc: overrides.some((override) => override !== 'AuthConfig' && override !== 'Limit'),
  access: true,
  overrides,
})

/** OR_ALL: everywhere, in .htaccess when AllowOverride is not None. */
export const OR_ALL: Where = allowedBy('AuthConfig', 'Limit', 'Options', 'FileInfo', 'Indexes')
