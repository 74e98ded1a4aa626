/** Files as documents need them: see file-read.ts and file-write.ts. */
export * from "./file-read.ts"
export * from "./file-write.ts"
