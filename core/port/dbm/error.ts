/** What can be wrong with a database, apart from what the system says of its files. */

/** A file is not what it should be, or there is no library for its kind. */
export class DbmError extends Error {}
