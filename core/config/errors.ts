/** Raised by arguments and setters for what a person wrote; the reader adds the file and the line. */
export class ConfigError extends Error {}
