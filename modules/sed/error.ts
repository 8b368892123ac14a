/** What is wrong with a script; the line that it stands in is added where it is known. */
export class SedError extends Error {}

/** A file cannot be written. */
export class FileError extends SedError {}
