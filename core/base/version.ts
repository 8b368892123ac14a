/** Versions of the product and of the interfaces that it keeps. */

/** The product's own version, shown by `httpd -v`. */
export const VERSION = '0.1.0'

/** Level of the Apache httpd configuration language that is read; `<IfVersion>` compares with it. */
export const LANGUAGE_LEVEL = '2.4.66'

/** Guards against loadable modules of another build; Apache's MMN has the same place and meaning. */
export const MODULE_MAGIC_NUMBER = 20120211
export const MODULE_MAGIC_MINOR = 137

/** What `LoadModule` looks for in the first bytes of a loadable module, before it runs any of it. */
export const MODULE_SIGNATURE = 'AP24'
