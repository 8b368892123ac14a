/*
 * mod_session_crypto: sessions are encrypted before a store has them, and what nobody here has encrypted is not read. The
 * first passphrase writes, all of them read: that is how one is exchanged for another.
 */
import {
  ConfigError, each, GLOBAL_ONLY, parsed, raw, registerSessionCoder, reasonOf, SessionError, Settings, word, wordsOf, OK,
  type Command, type Module, type Request, type Startup, type Status, type Where,
} from 'httpd'
import { CIPHERS, open, seal, sealed, type Cipher } from './session_crypto/seal.ts'
import { Passphrases, passphrasesFrom, type Source } from './session_crypto/sources.ts'

/** A passphrase, or the number of a source. */
type Said = string | number

const crypto = new Settings('directory', { passphrases: [] as readonly Said[], cipher: 'aes256' as Cipher })
/** The driver is Node's; what is written here is checked and else without meaning. */
const driver = new Settings('server', { driver: '' })

/** Of the configuration that was read last. */
let sources: Source[] = []
let found: Passphrases | undefined

function* passphrasesOf(r: Request): Iterable<string> {
  for (const said of r.dir(crypto).passphrases) {
    if (typeof said === 'string') yield said
    else yield* found!.get(said)
  }
}

function encode(r: Request, text: string): string {
  const { passphrases, cipher } = r.dir(crypto)
  if (passphrases.length === 0) return text
  for (const passphrase of passphrasesOf(r)) return seal(text, passphrase, cipher)
  r.log('error', 'session_crypto', 'AH01825: failure generating key from passphrase')
  throw new SessionError('no passphrase')
}

function decode(r: Request, text: string): string {
  const { passphrases, cipher } = r.dir(crypto)
  if (passphrases.length === 0 || text === '') return text
  const bytes = sealed(text)
  if (bytes === undefined) r.log('debug', 'session_crypto', 'AH10005: too short to decrypt, aborting')
  else {
    for (const passphrase of passphrasesOf(r)) {
      const plain = open(bytes, passphrase, cipher)
      if (plain !== undefined) return plain
      r.log('debug', 'session_crypto', 'AH10006: auth does not match, skipping')
    }
    r.log('info', 'session_crypto', 'AH01840: decryption failed')
  }
  r.log('error', 'session_crypto', 'AH01842: decrypt session failed, wrong passphrase?')
  throw new SessionError('not decrypted')
}

registerSessionCoder('crypto', { encode, decode })

/** check_config: `-t` tells whether files are there; programs are not run for it. */
function checkFiles({ checking }: Startup): Status {
  if (!checking) return OK
  for (const source of sources.filter(({ kind }) => kind === 'file')) {
    const fault = faultOf(source)
    if (fault !== undefined) throw new ConfigError(`AH00526: Syntax error on ${source.at}:\n${fault}`)
  }
  return OK
}

function faultOf(source: Source, take: (passphrases: readonly string[]) => void = () => undefined): string | undefined {
  try {
    take(passphrasesFrom(source))
    return undefined
  } catch (error) {
    return source.kind === 'file'
      ? `SessionCryptoPassphraseFile: Could not open file ${source.words[0]!}: ${reasonOf(error)}`
      : `SessionCryptoPassphrase: Unable to get a passphrase from exec of ${source.words[0]!}: ${reasonOf(error)}`
  }
}

/** open_logs: reads what is not in the configuration, in the control process and once. */
function readSources(startup: Startup): Status {
  if (sources.length === 0) return OK
  const all = found = new Passphrases(startup, sources.length)
  for (const [at, source] of sources.entries()) {
    if (!all.isEmpty(at)) continue
    const fault = faultOf(source, (passphrases) => all.put(at, passphrases))
    if (fault === undefined) continue
    startup.note('error', 'session_crypto', `SY00172: ${source.at}: ${fault}`)
    return 500
  }
  return OK
}

function passphrase(said: { passphrases?: readonly Said[] }, command: Command, words: readonly string[]): void {
  for (const one of words) say(said, one.startsWith('exec:') && one.length > 'exec:'.length ? program(one.slice('exec:'.length), command) : one)
}

const say = (said: { passphrases?: readonly Said[] }, one: Said): void =>
  void (said.passphrases = [...said.passphrases ?? [], one])

function program(line: string, command: Command): number {
  // Whoever may write such a file is not asked what this server runs.
  if (command.htaccess) throw new ConfigError('SessionCryptoPassphrase exec: is not allowed in .htaccess')
  const [path, ...args] = wordsOf(line)
  if (path === undefined) throw new ConfigError(`Unable to parse exec arguments from ${line}`)
  return sources.push({ kind: 'exec', words: [command.serverRootRelative(path), ...args], at: whereOf(command) }) - 1
}

const whereOf = ({ file, line }: Command): string => `line ${line} of ${file}`

const cipher = parsed((text): Cipher => {
  // It was the only one in use before AES, and no session is as another server has written it.
  if (text === '3des192') return 'aes192'
  if (Object.hasOwn(CIPHERS, text)) return text as Cipher
  throw new ConfigError(`cipher '${text}' not recognised by crypto driver. session encryption not possible, options: ` +
    Object.keys(CIPHERS).join(', '))
})

const DRIVERS = ['openssl', 'nss', 'commoncrypto']

function checkDriver(said: { driver?: string }, _: Command, line: string): void {
  const [name] = wordsOf(line)
  if (name !== undefined && !DRIVERS.includes(name)) throw new ConfigError(`The crypto library '${name}' could not be found`)
  said.driver = name ?? ''
}

const WHERE: Where = { rsrc: true, access: true, overrides: ['AuthConfig'] }

export const module = {
  name: 'session_crypto_module',
  file: 'mod_session_crypto.c',
  settings: [crypto, driver],
  directives: [
    crypto.directive('SessionCryptoPassphrase', [each(word)], passphrase, WHERE,
      'The passphrase(s) used to encrypt the session. First will be used for encryption, all phrases will be accepted for ' +
      'decryption'),
    crypto.directive('SessionCryptoPassphraseFile', [word], (said, command, path) => {
      say(said, sources.push({ kind: 'file', words: [command.serverRootRelative(path)], at: whereOf(command) }) - 1)
    }, { rsrc: true, access: true, overrides: [] },
    'File containing passphrase(s) used to encrypt the session, one per line. First will be used for encryption, all ' +
    'phrases will be accepted for decryption'),
    crypto.directive('SessionCryptoCipher', [cipher], 'cipher', WHERE, 'The underlying crypto cipher to use'),
    driver.directive('SessionCryptoDriver', [raw], checkDriver, GLOBAL_ONLY, 'The underlying crypto library driver to use'),
  ],
  register({ preConfig, checkConfig, openLogs }, on) {
    on(preConfig, () => {
      sources = []
      return OK
    })
    on(checkConfig, checkFiles)
    on(openLogs, readSources)
  },
} satisfies Module
