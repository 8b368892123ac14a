/**
 * The one face of the core that modules and MPMs see, under the name `httpd`.
 * What is not here is nobody's business outside of the core.
 */
export * from './config/settings.ts'
export * from './config/args.ts'
export * from './config/where.ts'
export { ConfigError } from './config/errors.ts'
export { checkContext } from './config/context.ts'
export { compileRegex, MatchBudget, MatchError, RegexSyntaxError, type Regex, type RegexMatch } from './config/regex.ts'
export { byteString, fsPath, reasonOf } from './config/include.ts'
export { nextWord, wordsOf } from './config/lexer.ts'
export { holds as limitHolds } from './config/limit.ts'
export { isFixed, LONGEST_SUBSTITUTION, substitute } from './config/substitute.ts'
export { ifVersionDirective } from './config/reader.ts'
export type { Command, Directive, ModuleTable, PlainLine, ReadLine } from './config/directive.ts'
export type { TreeNode } from './config/reading.ts'
export type { Section, ServerConf } from './config/server_conf.ts'
export * from './hook/hook.ts'
export * from './hook/filter.ts'
export type { FixedLimits, Hooks, On, Startup } from './hook/hooks.ts'
export type { Module } from './hook/module.ts'
export type { LoadedModule, ModuleList } from './hook/modules.ts'
export type * from './hook/types.ts'
export {
  parseCondition, parseStringExpression, type Expression, type ExpressionOptions,
} from './expr/expression.ts'
export { EvaluationError, type Captures, type Evaluation } from './expr/evaluation.ts'
export { subnet, type Subnet } from './expr/subnet.ts'
export { registerExpressions, type ExpressionRows } from './expr/lookup.ts'
export { M_INVALID, methodName, methodNumber, registerMethod } from './http/methods.ts'
export * from './base/dates.ts'
export * from './base/escape.ts'
export * from './base/path.ts'
export * from './base/fnmatch.ts'
export { SharedLocks, type Locked, type LockParts } from './base/shared_lock.ts'
export { Recent } from './base/recent.ts'
export * from './base/table.ts'
export { apr1, CRYPT_LETTERS, PasswordError, sha1, verifyPassword } from './base/password.ts'
export { atTurnEnd } from './base/turn.ts'
export * from './base/version.ts'
export { mergedFields } from './http/edited_fields.ts'
export { listHasETag } from './http/etag.ts'
export { knownStatus } from './http/status.ts'
export {
  authName, authnCore, authnNames, authnProvider, authType, cacheCredentials, noteAuthFailure, registerAuthn, registerAuthnAlias,
  registerChallenge, registerCredentialCache, registerSatisfy, type AuthnProvider, type AuthnStatus,
} from './server/authn.ts'
export * from './server/authz_registry.ts'
export * from './server/cache_registry.ts'
export * from './server/core_settings.ts'
export { withCharset } from './server/byteranges.ts'
export { BodyError } from './server/body_reader.ts'
export { etagOf } from './server/file_etag.ts'
export { fileOwner, type NoOwner } from './server/file_owner.ts'
export { dbmFile, lookUpDbm, type DbmFile } from './server/dbm_lookup.ts'
export { DbmError, dbmKind, isDbmType } from './port/dbm/dbm.ts'
export { loadMemcached, loadRedis } from './port/packages.ts'
export { MOST_KEY, openStore, type Store } from './port/dbm/lmdb.ts'
export { FileLookup, FileTooLarge, linesNaming, linesWith } from './server/file_lookup.ts'
export { findNames, provenHost, remoteHost, wantsNames } from './server/host_names.ts'
export { duration, isUrl, timeOf, wholeNumber } from './server/directive_values.ts'
export { openLog } from './server/log_target.ts'
export { registeredLogItem, registerLogItem, type LogItem, type LogValue } from './server/log_items.ts'
export { knownLogId, log, logsFor, mightLog } from './server/log.ts'
export { errnoPrefix, type Note } from './server/notes.ts'
export { unixd } from './server/unixd_settings.ts'
export { documentRoot, serverName, serverPort, serverSoftware } from './server/self_url.ts'
export {
  loadSession, registerSessionCoder, registerSessions, registerSessionStore, SessionError, sessionCoders, sessionStores,
  type Session, type SessionCoder, type SessionStore,
} from './server/sessions.ts'
export { pageSignature } from './server/page_signature.ts'
export { coreOptions } from './server/core_options.ts'
export { homeOf, lookUpAccount, type Database } from './server/accounts.ts'
export { isMpm, Next } from './server/mpm.ts'
export type {
  Asked, ChildHandle, Conn, ConnOwner, Engine, Mpm, Population, Seat, Site, SiteEvent, Traits,
} from './server/mpm.ts'
export { registerSlotmem, slotmemProvider, type Slotmem, type SlotmemProvider } from './server/slotmem.ts'
export { beginWatches, watch, type WatchdogState, type WatchdogTask } from './server/watchdog.ts'
export { ownThreadId, running, type Running } from './server/running.ts'
export {
  defaultSocache, readSocache, registerSocache, type Socache, type SocacheHints, type SocacheProvider,
} from './server/socache.ts'
export {
  FINISH_REASONS, Status as SeatStatus, type FinishReason, type ProcessRow, type Scoreboard, type SlotRow, type WorkerRow,
} from './server/scoreboard.ts'
export { figuresOf } from './server/service_figures.ts'
export { machine, type Machine } from './port/machine.ts'
export { isUsableStack } from './server/v8_limits.ts'
export { COSTS, sizeText } from './server/costs.ts'
export { bucketsFor } from './server/listen_buckets.ts'
export { Errno, Ready, type Bell, type Endpoint, type Fd, type Poller, type PollProvider, type PollSet } from './port/port.ts'
