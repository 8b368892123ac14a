// No directive of core, http_core or the MPMs that Apache httpd 2.4 documents is unknown here.
import t from 'tap'
import { ModuleList } from '../../core/hook/modules.ts'
import { core } from '../../core/server/core_module.ts'
import { http } from '../../core/server/http_module.ts'
import { so } from '../../core/server/so_module.ts'
import { mpm as event } from '../../mpms/event.ts'
import { mpm as prefork } from '../../mpms/prefork.ts'
import { mpm as worker } from '../../mpms/worker.ts'

const CORE = `
  AcceptFilter AcceptPathInfo AccessFileName AddDefaultCharset AllowEncodedSlashes AllowOverride AllowOverrideList
  CGIMapExtension CGIPassAuth CGIVar ContentDigest DefaultRuntimeDir DefaultType Define <Directory <DirectoryMatch
  DocumentRoot <Else <ElseIf EnableMMAP EnableSendfile Error ErrorDocument ErrorLog ErrorLogFormat ExtendedStatus
  FileETag <Files <FilesMatch FlushMaxPipelined FlushMaxThreshold ForceType GprofDir HostnameLookups
  HttpProtocolOptions <If <IfDefine <IfDirective <IfFile <IfModule <IfSection Include IncludeOptional KeepAlive
  KeepAliveTimeout <Limit <LimitExcept LimitInternalRecursion LimitRequestBody LimitRequestFields LimitRequestFieldSize
  LimitRequestLine LimitXMLRequestBody <Location <LocationMatch LogLevel MaxKeepAliveRequests MaxRangeOverlaps
  MaxRangeReversals MaxRanges MergeSlashes MergeTrailers Mutex NameVirtualHost Options Protocol Protocols
  ProtocolsHonorOrder QualifyRedirectURL ReadBufferSize RegexDefaultOptions RegisterHttpMethod RLimitCPU RLimitMEM
  RLimitNPROC ScriptInterpreterSource SeeRequestTail ServerAdmin ServerAlias ServerName ServerPath ServerRoot
  ServerSignature ServerTokens SetHandler StrictHostCheck TimeOut TraceEnable UnDefine UNCList UseCanonicalName
  UseCanonicalPhysicalPort <VirtualHost Port LoadModule LoadFile`

const MPMS = `
  CoreDumpDirectory EnableExceptionHook GracefulShutdownTimeout Listen ListenBacklog ListenCoresBucketsRatio
  ListenTCPDeferAccept MaxConnectionsPerChild MaxRequestsPerChild MaxMemFree MaxRequestWorkers MaxClients MaxSpareThreads
  MinSpareThreads PidFile ReceiveBufferSize ScoreBoardFile SendBufferSize ServerLimit StartServers
  ThreadLimit ThreadsPerChild ThreadStackSize AsyncRequestWorkerFactor MaxSpareServers MinSpareServers`

t.test('every documented directive of the core and of the MPMs is known', (t) => {
  const modules = new ModuleList()
  for (const module of [core, http, so, prefork, worker, event])
    modules.add({ module, symbol: module.name, linkage: 'static' })
  for (const name of `${CORE} ${MPMS}`.trim().split(/\s+/))
    t.ok(modules.find(name).length > 0, name)
  t.end()
})
