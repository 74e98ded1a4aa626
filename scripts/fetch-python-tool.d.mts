/** The folder of its programs: `MEMORYGRAPH_PYTHON_TOOL` for the tests. */
export const toolFolder: () => string
/** True where it is complete. */
export const isMade: () => boolean
/** Makes it where it is not there yet; returns the folder of its programs. */
export const makeTool: () => string
