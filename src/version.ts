/** The version of this package, as package.json says; a test holds them equal. */
export const VERSION = "0.1.0"

/** How documents name the program that wrote them. */
export const GENERATOR = `memorygraph-migrate ${VERSION}`
