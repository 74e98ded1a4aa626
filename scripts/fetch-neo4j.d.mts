/** See `fetch-neo4j.mjs`. */
export declare const NEO4J_VERSION: string
export declare const jarFolder: () => string
export declare const isFetched: () => boolean
export declare const fetchNeo4j: () => string
