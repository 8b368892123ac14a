/*
 * Every module of Apache httpd 2.4, in the order in which its configure treats them: one row per module.
 * Data only. `class` says when configure chooses it by itself; a row without `source` is a module that
 * this version has not. The directive names let the server say which module a directive belongs to.
 */
import type { Feature } from '../core/port/features.ts'

/**
 * When a module is chosen without being asked for: `static` always; `yes` always, in the form of the day;
 * `few`, `most`, `all` from that selection on; `no` with reallyall only; `parent:NAME` as NAME is.
 */
export type ModuleClass = 'static' | 'yes' | 'few' | 'most' | 'all' | 'no' | `parent:${string}`

export interface ModuleRow {
  readonly name: string
  readonly class: ModuleClass
  readonly help: string
  /** Path from the top of the source tree; absent: no implementation in this version. */
  readonly source?: string
  /** What it cannot be built without. */
  readonly needs?: Feature
  /** File name for IfModule and `httpd -l`. */
  readonly file: string
  readonly directives: readonly string[]
}

/** A module of this version: its source is modules/mod_NAME.ts. */
const here = (name: string, cls: ModuleClass, help: string, directives = ''): ModuleRow => ({
  ...away(name, cls, help, directives), source: `modules/mod_${name}.ts`,
})

/** A module that Apache has and this version has not. */
function away(name: string, cls: ModuleClass, help: string, directives = ''): ModuleRow {
  return { name, class: cls, help, file: `mod_${name}.c`, directives: directives.split(' ').filter((d) => d !== '') }
}

/** A part of the core that is always linked in. */
const part = (name: string, file: string, help: string, directives = ''): ModuleRow => ({
  ...away(name, 'static', help, directives), file, source: `core/server/${name}_module.ts`,
})

export const modules: readonly ModuleRow[] = [
  part('core', 'core.c', 'the core of the server'),
  here('authn_file', 'yes', 'file-based authentication control', 'AuthUserFile'),
  here('authn_dbm', 'most', 'DBM-based authentication control', 'AuthDBMUserFile AuthDBMType'),
  here('authn_anon', 'most', 'anonymous user authentication control',
    'Anonymous Anonymous_LogEmail Anonymous_MustGiveEmail Anonymous_NoUserID Anonymous_VerifyEmail'),
  away('authn_dbd', 'most', 'SQL-based authentication control', 'AuthDBDUserPWQuery AuthDBDUserRealmQuery'),
  here('authn_socache', 'most', 'cached authentication control',
    'AuthnCacheSOCache AuthnCacheEnable AuthnCacheProvideFor AuthnCacheTimeout AuthnCacheContext'),
  here('authn_core', 'yes', 'core authentication module', 'AuthType AuthName <AuthnProviderAlias>'),
  here('authz_host', 'yes', 'host-based authorization control'),
  here('authz_groupfile', 'yes', 'group file authorization control', 'AuthGroupFile'),
  here('authz_user', 'yes', "'require user' authorization control"),
  here('authz_dbm', 'most', 'DBM-based authorization control', 'AuthDBMGroupFile AuthzDBMType'),
  here('authz_owner', 'most', "'require file-owner' authorization control"),
  away('authz_dbd', 'most', 'SQL based authorization and login support',
    'AuthzDBDQuery AuthzDBDLoginToReferer AuthzDBDRedirectQuery'),
  here('authz_core', 'yes', 'core authorization provider vector module',
    'Require AuthMerging AuthzSendForbiddenOnFailure <RequireAll> <RequireAny> <RequireNone> <AuthzProviderAlias>'),
  away('authnz_ldap', 'most', 'LDAP-based authentication and authorization',
    'AuthLDAPURL AuthLDAPBindDN AuthLDAPBindPassword AuthLDAPGroupAttribute AuthLDAPRemoteUserAttribute'),
  away('authnz_fcgi', 'no', 'FastCGI authorizer-based authentication and authorization',
    'AuthnzFcgiDefineProvider AuthnzFcgiCheckAuthnProvider'),
  here('access_compat', 'yes', 'mod_access compatibility', 'Order Allow Deny Satisfy'),
  here('auth_basic', 'yes', 'basic authentication',
    'AuthBasicProvider AuthBasicAuthoritative AuthBasicFake AuthBasicUseDigestAlgorithm'),
  here('auth_form', 'most', 'form authentication',
    'AuthFormProvider AuthFormAuthoritative AuthFormUsername AuthFormPassword AuthFormLocation AuthFormMimetype ' +
    'AuthFormBody AuthFormSize AuthFormFakeBasicAuth AuthFormMethod AuthFormLoginRequiredLocation ' +
    'AuthFormLoginSuccessLocation AuthFormLogoutLocation AuthFormSitePassphrase AuthFormDisableNoStore'),
  here('auth_digest', 'most', 'RFC 7616 digest authentication',
    'AuthDigestProvider AuthDigestQop AuthDigestNonceLifetime AuthDigestNcCheck ' +
    'AuthDigestAlgorithm AuthDigestDomain AuthDigestShmemSize'),
  here('allowmethods', 'most', 'restrict the allowed HTTP methods', 'AllowMethods'),
  away('isapi', 'no', 'ISAPI extension support',
    'ISAPICacheFile ISAPIReadAheadBuffer ISAPILogNotSupported ISAPIAppendLogToErrors ISAPIAppendLogToQuery ' +
    'ISAPIFakeAsync'),
  away('privileges', 'no', 'per-virtual-host Unix user ids and Solaris privileges',
    'VHostUser VHostGroup VHostSecure VHostCGIMode VHostCGIPrivs VHostPrivs PrivilegesMode DTracePrivileges'),
  away('systemd', 'no', 'Systemd support', 'IdleShutdown'),
  away('file_cache', 'most', 'file cache', 'CacheFile MMapFile'),
  here('cache', 'most', 'dynamic file caching',
    'CacheEnable CacheDisable CacheMaxExpire CacheMinExpire CacheDefaultExpire CacheIgnoreNoLastMod ' +
    'CacheIgnoreCacheControl CacheIgnoreQueryString CacheIgnoreHeaders CacheIgnoreURLSessionIdentifiers ' +
    'CacheStorePrivate CacheStoreNoStore CacheStoreExpired CacheLastModifiedFactor CacheLock CacheLockPath ' +
    'CacheLockMaxAge CacheQuickHandler CacheStaleOnError CacheHeader CacheDetailHeader CacheKeyBaseURL'),
  here('cache_disk', 'most', 'disk caching',
    'CacheRoot CacheDirLevels CacheDirLength CacheMinFileSize CacheMaxFileSize CacheReadSize CacheReadTime'),
  here('cache_socache', 'most', 'shared object caching',
    'CacheSocache CacheSocacheMaxTime CacheSocacheMinTime CacheSocacheMaxSize CacheSocacheReadSize ' +
    'CacheSocacheReadTime'),
  here('socache_shmcb', 'most', 'shmcb small object cache provider'),
  here('socache_dbm', 'most', 'dbm small object cache provider'),
  here('socache_memcache', 'most', 'memcache small object cache provider', 'MemcacheConnTTL'),
  here('socache_redis', 'most', 'redis small object cache provider', 'RedisConnPoolTTL RedisTimeout'),
  away('socache_dc', 'no', 'distcache small object cache provider'),
  part('so', 'mod_so.c', 'loadable modules', 'LoadModule LoadFile'),
  here('watchdog', 'most', 'watchdog', 'WatchdogInterval'),
  here('macro', 'most', 'define and use macros in configuration files',
    '<Macro> Use UndefMacro MacroIgnoreEmptyArgs MacroIgnoreBadNesting'),
  away('dbd', 'most', 'SQL database connection framework',
    'DBDriver DBDParams DBDPersist DBDPrepareSQL DBDKeep DBDMin DBDMax DBDExptime DBDInitSQL'),
  away('bucketeer', 'no', 'buckets manipulation filter'),
  here('dumpio', 'most', 'I/O dump filter', 'DumpIOInput DumpIOOutput'),
  here('echo', 'all', 'echo server', 'ProtocolEcho'),
  away('example_hooks', 'no', 'example hook callback handler', 'Example'),
  away('case_filter', 'no', 'example uppercase conversion filter', 'CaseFilter'),
  away('case_filter_in', 'no', 'example uppercase conversion input filter', 'CaseFilterIn'),
  away('example_ipc', 'no', 'example of shared memory and mutex usage'),
  here('buffer', 'most', 'filter buffering', 'BufferSize'),
  here('data', 'all', 'RFC 2397 data encoder'),
  here('ratelimit', 'most', 'output bandwidth limiting'),
  here('reqtimeout', 'yes', 'limit time waiting for a request from the client', 'RequestReadTimeout'),
  here('limits', 'most', 'limit requests per client address (not in Apache)',
    'RequestRateLimit ConnectionLimit LimitsStatus LimitsDryRun LimitsExempt LimitsTableSize'),
  here('ext_filter', 'most', 'external filter', 'ExtFilterDefine ExtFilterOptions'),
  here('request', 'most', 'request body filtering', 'KeptBodySize'),
  here('include', 'most', 'server side includes',
    'XBitHack SSIErrorMsg SSITimeFormat SSIStartTag SSIEndTag SSIUndefinedEcho SSILegacyExprParser ' +
    'SSILastModified SSIETag'),
  here('filter', 'yes', 'smart filtering',
    'FilterDeclare FilterProvider FilterChain FilterTrace FilterProtocol AddOutputFilterByType'),
  here('reflector', 'all', 'reflect the request through the output filter stack', 'ReflectorHeader'),
  here('substitute', 'most', 'response content rewriting',
    'Substitute SubstituteMaxLineLength SubstituteInheritBefore'),
  here('sed', 'most', 'filter request and response bodies through sed', 'OutputSed InputSed'),
  here('charset_lite', 'all', 'character set translation', 'CharsetSourceEnc CharsetDefault CharsetOptions'),
  here('deflate', 'most', 'deflate transfer encoding support',
    'DeflateFilterNote DeflateWindowSize DeflateBufferSize DeflateMemLevel DeflateCompressionLevel ' +
    'DeflateAlterETag DeflateInflateLimitRequestBody DeflateInflateRatioLimit DeflateInflateRatioBurst'),
  away('xml2enc', 'all', 'internationalisation support for markup filters',
    'xml2EncDefault xml2EncAlias xml2StartParse'),
  away('proxy_html', 'all', 'fix HTML links in a reverse proxy',
    'ProxyHTMLEvents ProxyHTMLLinks ProxyHTMLURLMap ProxyHTMLDoctype ProxyHTMLFixups ProxyHTMLMeta ' +
    'ProxyHTMLInterp ProxyHTMLExtended ProxyHTMLStripComments ProxyHTMLBufSize ProxyHTMLCharsetOut ProxyHTMLEnable'),
  here('brotli', 'most', 'brotli compression support',
    'BrotliFilterNote BrotliCompressionQuality BrotliCompressionWindow BrotliCompressionMaxInputBlock ' +
    'BrotliAlterETag'),
  {
    ...here('zstd', 'most', 'zstd compression support (not in Apache)',
      'ZstdFilterNote ZstdCompressionLevel ZstdCompressionWindow ZstdAlterETag'),
    needs: 'zstd',
  },
  here('precompressed', 'most', 'files that are compressed already, beside others (not in Apache)', 'Precompressed'),
  part('http', 'http_core.c', 'HTTP protocol handling'),
  here('mime', 'yes', 'mapping of file extension to MIME',
    'AddCharset AddEncoding AddHandler AddInputFilter AddLanguage AddOutputFilter AddType DefaultLanguage ' +
    'ModMimeUsePathInfo MultiviewsMatch RemoveCharset RemoveEncoding RemoveHandler RemoveInputFilter ' +
    'RemoveLanguage RemoveOutputFilter RemoveType TypesConfig'),
  away('ldap', 'most', 'LDAP caching and connection pooling services',
    'LDAPSharedCacheSize LDAPSharedCacheFile LDAPCacheEntries LDAPCacheTTL LDAPOpCacheEntries LDAPOpCacheTTL ' +
    'LDAPTrustedGlobalCert LDAPTrustedClientCert LDAPTrustedMode LDAPVerifyServerCert LDAPConnectionTimeout ' +
    'LDAPReferrals LDAPReferralHopLimit LDAPLibraryDebug LDAPConnectionPoolTTL LDAPTimeout LDAPRetries LDAPRetryDelay'),
  here('log_config', 'yes', 'logging configuration',
    'LogFormat JsonLogFormat CustomLog TransferLog BufferedLogs GlobalLog'),
  here('log_debug', 'most', 'configurable debug logging', 'LogMessage'),
  here('log_forensic', 'all', 'forensic logging', 'ForensicLog'),
  here('logio', 'most', 'input and output logging', 'LogIOTrackTTFB LogIOTrackTTFU'),
  away('lua', 'all', 'Apache Lua Framework',
    'LuaRoot LuaScope LuaPackagePath LuaPackageCPath LuaMapHandler LuaHookTranslateName LuaHookFixups ' +
    'LuaHookMapToStorage LuaHookCheckUserID LuaHookTypeChecker LuaHookAccessChecker LuaHookAuthChecker LuaHookLog ' +
    'LuaHookInsertFilter LuaInputFilter LuaOutputFilter LuaQuickHandler LuaInherit LuaAuthzProvider LuaCodeCache'),
  here('env', 'yes', 'clearing and setting of environment variables', 'SetEnv PassEnv UnsetEnv'),
  here('mime_magic', 'all', 'determining of the MIME type from a few bytes of the content', 'MimeMagicFile'),
  away('cern_meta', 'no', 'CERN-type meta files', 'MetaFiles MetaDir MetaSuffix'),
  here('expires', 'most', 'Expires header control', 'ExpiresActive ExpiresByType ExpiresDefault'),
  here('headers', 'yes', 'HTTP header control', 'Header RequestHeader'),
  away('ident', 'no', 'RFC 1413 identity check', 'IdentityCheck IdentityCheckTimeout'),
  here('usertrack', 'all', 'user-session tracking',
    'CookieTracking CookieName CookieDomain CookieExpires CookieStyle CookieHttpOnly CookieSameSite CookieSecure'),
  here('unique_id', 'most', 'per-request unique ids'),
  here('setenvif', 'yes', 'basing environment variables on headers',
    'SetEnvIf SetEnvIfNoCase SetEnvIfExpr BrowserMatch BrowserMatchNoCase'),
  here('version', 'yes', 'determining httpd version in config files', '<IfVersion>'),
  here('remoteip', 'most', 'translate header contents to an apparent client address',
    'RemoteIPHeader RemoteIPInternalProxy RemoteIPInternalProxyList RemoteIPProxiesHeader RemoteIPTrustedProxy ' +
    'RemoteIPTrustedProxyList RemoteIPProxyProtocol RemoteIPProxyProtocolExceptions'),
  away('proxy', 'most', 'proxying',
    'ProxyPass ProxyPassMatch ProxyPassReverse ProxyPassReverseCookieDomain ProxyPassReverseCookiePath ' +
    'ProxyPassInherit ProxyPassInterpolateEnv ProxyPreserveHost ProxyRequests ProxyRemote ProxyRemoteMatch ' +
    'ProxyBlock ProxyAddHeaders ProxyBadHeader ProxyDomain ProxyErrorOverride ProxyIOBufferSize ' +
    'ProxyMaxForwards ProxyReceiveBufferSize ProxySet ProxySourceAddress ProxyStatus ProxyTimeout ProxyVia NoProxy ' +
    'BalancerMember BalancerGrowth BalancerInherit BalancerPersist <Proxy> <ProxyMatch>'),
  away('proxy_connect', 'most', 'proxy CONNECT module', 'AllowCONNECT'),
  away('proxy_ftp', 'most', 'proxy FTP module', 'ProxyFtpDirCharset ProxyFtpEscapeWildcards ProxyFtpListOnWildcard'),
  away('proxy_http', 'most', 'proxy HTTP module'),
  away('proxy_fcgi', 'most', 'proxy FastCGI module', 'ProxyFCGIBackendType ProxyFCGISetEnvIf'),
  away('proxy_scgi', 'most', 'proxy SCGI module', 'ProxySCGIInternalRedirect ProxySCGISendfile'),
  away('proxy_uwsgi', 'most', 'proxy UWSGI module'),
  away('proxy_fdpass', 'most', 'proxy to Unix socket daemon'),
  away('proxy_wstunnel', 'most', 'proxy websocket tunnel module', 'ProxyWebsocketFallbackToProxyHttp'),
  away('proxy_ajp', 'most', 'proxy AJP module'),
  away('proxy_balancer', 'most', 'proxy balancer module'),
  away('proxy_express', 'most', 'mass reverse proxy module',
    'ProxyExpressEnable ProxyExpressDBMFile ProxyExpressDBMType'),
  away('proxy_hcheck', 'most', 'reverse proxy health check module', 'ProxyHCExpr ProxyHCTemplate ProxyHCTPsize'),
  here('session', 'most', 'session module',
    'Session SessionEnv SessionExclude SessionExpiryUpdateInterval SessionHeader SessionInclude SessionMaxAge'),
  here('session_cookie', 'most', 'session cookie module',
    'SessionCookieName SessionCookieName2 SessionCookieRemove SessionCookieMaxAge'),
  here('session_crypto', 'most', 'session crypto module',
    'SessionCryptoCipher SessionCryptoDriver SessionCryptoPassphrase SessionCryptoPassphraseFile'),
  away('session_dbd', 'most', 'session dbd module',
    'SessionDBDCookieName SessionDBDCookieName2 SessionDBDCookieRemove SessionDBDDeleteLabel ' +
    'SessionDBDInsertLabel SessionDBDPerUser SessionDBDSelectLabel SessionDBDUpdateLabel'),
  here('slotmem_shm', 'most', 'slotmem provider that uses shared memory'),
  away('slotmem_plain', 'all', 'slotmem provider that uses plain memory'),
  away('ssl', 'most', 'SSL/TLS support',
    'SSLEngine SSLCertificateFile SSLCertificateKeyFile SSLCertificateChainFile SSLCACertificateFile ' +
    'SSLCACertificatePath SSLCADNRequestFile SSLCADNRequestPath SSLCARevocationCheck SSLCARevocationFile ' +
    'SSLCARevocationPath SSLCipherSuite SSLCompression SSLCryptoDevice SSLFIPS SSLHonorCipherOrder ' +
    'SSLInsecureRenegotiation SSLOCSPDefaultResponder SSLOCSPEnable SSLOCSPNoverify SSLOCSPOverrideResponder ' +
    'SSLOCSPProxyURL SSLOCSPResponderCertificateFile SSLOCSPResponderTimeout SSLOCSPResponseMaxAge ' +
    'SSLOCSPResponseTimeSkew SSLOCSPUseRequestNonce SSLOpenSSLConfCmd SSLOptions SSLPassPhraseDialog SSLPolicy ' +
    'SSLProtocol SSLProxyCACertificateFile SSLProxyCACertificatePath SSLProxyCARevocationCheck ' +
    'SSLProxyCARevocationFile SSLProxyCARevocationPath SSLProxyCheckPeerCN SSLProxyCheckPeerExpire ' +
    'SSLProxyCheckPeerName SSLProxyCipherSuite SSLProxyEngine SSLProxyMachineCertificateChainFile ' +
    'SSLProxyMachineCertificateFile SSLProxyMachineCertificatePath SSLProxyProtocol SSLProxyVerify ' +
    'SSLProxyVerifyDepth SSLRandomSeed SSLRenegBufferSize SSLRequire SSLRequireSSL SSLSessionCache ' +
    'SSLSessionCacheTimeout SSLSessionTicketKeyFile SSLSessionTickets SSLSRPUnknownUserSeed SSLSRPVerifierFile ' +
    'SSLStaplingCache SSLStaplingErrorCacheTimeout SSLStaplingFakeTryLater SSLStaplingForceURL ' +
    'SSLStaplingResponderTimeout SSLStaplingResponseMaxAge SSLStaplingResponseTimeSkew ' +
    'SSLStaplingReturnResponderErrors SSLStaplingStandardCacheTimeout SSLStrictSNIVHostCheck SSLUserName ' +
    'SSLUseStapling SSLVerifyClient SSLVerifyDepth SSLVHostSNIPolicy'),
  away('optional_hook_export', 'no', 'example optional hook exporter'),
  away('optional_hook_import', 'no', 'example optional hook importer'),
  away('optional_fn_import', 'no', 'example optional function importer'),
  away('optional_fn_export', 'no', 'example optional function exporter'),
  away('dialup', 'all', 'rate limits static files to dialup modem speeds', 'ModemStandard'),
  away('http2', 'most', 'HTTP/2 protocol handling',
    'H2CopyFiles H2Direct H2EarlyHint H2EarlyHints H2MaxDataFrameLen H2MaxHeaderBlockLen H2MaxSessionStreams ' +
    'H2MaxStreamErrors H2MaxWorkerIdleSeconds H2MaxWorkers H2MinWorkers H2ModernTLSOnly H2OutputBuffering H2Padding ' +
    'H2ProxyRequests H2Push H2PushDiarySize H2PushPriority H2PushResource H2SerializeHeaders H2StreamMaxMemSize ' +
    'H2StreamTimeout H2TLSCoolDownSecs H2TLSWarmUpSize H2Upgrade H2WebSockets H2WindowSize'),
  away('proxy_http2', 'no', 'HTTP/2 proxy module'),
  away('md', 'most', 'Managed Domain handling',
    'MDomain MDCertificateAgreement MDCertificateAuthority MDCertificateFile MDCertificateKeyFile ' +
    'MDCertificateProtocol MDContactEmail MDDriveMode MDMember MDMembers MDPrivateKeys MDRenewMode MDRenewWindow ' +
    'MDRequireHttps MDStoreDir <MDomainSet>'),
  away('lbmethod_byrequests', 'parent:proxy_balancer', 'load balancing by request counting'),
  away('lbmethod_bytraffic', 'parent:proxy_balancer', 'load balancing by traffic counting'),
  away('lbmethod_bybusyness', 'parent:proxy_balancer', 'load balancing by busyness'),
  away('lbmethod_heartbeat', 'parent:proxy_balancer', 'load balancing from heartbeats', 'HeartbeatStorage'),
  here('unixd', 'yes', 'unix specific support', 'User Group ChrootDir Suexec'),
  away('heartbeat', 'all', 'generates heartbeats', 'HeartbeatAddress'),
  away('heartmonitor', 'all', 'collects heartbeats', 'HeartbeatListen HeartbeatMaxServers'),
  away('dav', 'most', 'WebDAV protocol handling', 'Dav DavBasePath DavDepthInfinity DavMinTimeout DavLockDiscovery'),
  here('status', 'yes', 'process/thread monitoring'),
  here('autoindex', 'yes', 'directory listing',
    'AddAlt AddAltByEncoding AddAltByType AddDescription AddIcon AddIconByEncoding AddIconByType DefaultIcon ' +
    'FancyIndexing HeaderName IndexHeadInsert IndexIgnore IndexIgnoreReset IndexOptions IndexOrderDefault ' +
    'IndexStyleSheet ReadmeName'),
  here('asis', 'all', 'as-is filetypes'),
  here('info', 'most', 'server information', 'AddModuleInfo'),
  away('suexec', 'no', 'set uid and gid for spawned processes', 'SuexecUserGroup'),
  away('cgid', 'most', 'CGI scripts through a daemon', 'ScriptSock CGIDScriptTimeout'),
  away('cgi', 'no', 'CGI scripts', 'ScriptLog ScriptLogLength ScriptLogBuffer CGIScriptTimeout'),
  away('dav_fs', 'parent:dav', 'DAV provider for the filesystem', 'DavLockDB DavLockDBType DavQuota'),
  away('dav_lock', 'all', 'DAV provider for generic locking', 'DavGenericLockDB DavGenericLockDBType'),
  here('vhost_alias', 'most', 'mass virtual hosting',
    'VirtualDocumentRoot VirtualDocumentRootIP VirtualScriptAlias VirtualScriptAliasIP'),
  here('negotiation', 'most', 'content negotiation', 'CacheNegotiatedDocs ForceLanguagePriority LanguagePriority'),
  here('dir', 'yes', 'directory request handling',
    'DirectoryIndex DirectoryIndexRedirect DirectorySlash DirectoryCheckHandler FallbackResource'),
  here('imagemap', 'no', 'server-side imagemaps', 'ImapBase ImapDefault ImapMenu'),
  here('actions', 'most', 'triggering actions on requests', 'Action Script'),
  here('speling', 'most', 'correct common URL misspellings', 'CheckSpelling CheckCaseOnly CheckBasenameMatch'),
  here('userdir', 'most', 'mapping of requests to user-specific directories', 'UserDir'),
  here('alias', 'yes', 'mapping of requests to different filesystem parts',
    'Alias AliasMatch AliasPreservePath Redirect RedirectMatch RedirectPermanent RedirectRelative RedirectTemp ' +
    'ScriptAlias ScriptAliasMatch'),
  here('rewrite', 'most', 'rule based URL manipulation',
    'RewriteEngine RewriteOptions RewriteBase RewriteCond RewriteRule RewriteMap'),
]
